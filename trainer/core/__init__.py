"""The Lightning core: fits any task by a recipe, watches it, keeps what a killed fit takes up again."""
