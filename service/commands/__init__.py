"""The verbs, one module per noun. Each module's `register` puts its verbs on the command line, in this order."""

from service.commands import bots, chat, demo, jobs, releases, training, upkeep, uploads

GROUPS = (
    bots.register,
    uploads.register,
    training.register,
    releases.register,
    chat.register,
    jobs.register,
    demo.register,
    upkeep.register,
)
