"""Search: better recipes than the default, found by trial on parts of the rows; k-fold cross-validation."""
