"""Intent models: from labelled utterances to a calibrated head over an encoder, by whichever recipe."""
