"""The verbs, one module per noun. Each module's `register` puts its verbs on the command line, in this order."""

from service.commands import access, bots, chat, demo, feedback, jobs, releases, serving, training, upkeep, uploads

GROUPS = (
    bots.register,
    uploads.register,
    training.register,
    releases.register,
    chat.register,
    feedback.register,
    serving.register,
    access.register,
    jobs.register,
    demo.register,
    upkeep.register,
)
