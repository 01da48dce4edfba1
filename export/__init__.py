"""From checkpoint to answers. Importing the package imports none of its modules."""

import os

# onnxruntime counts who uses it and how, keeps that under the user's home and sends it, from the moment it is loaded;
# its functions to disable events come too late for that. What is put here reaches child processes, too.
os.putenv("ORT_DISABLE_TELEMETRY", "1")
