"""The routes, one module per noun. A view reads what was asked, calls one function and answers."""

from __future__ import annotations

from service.api._spec import Api


def apis() -> tuple[Api, ...]:
    """Every route there is, by noun."""
    from service.api import (
        audit,
        bots,
        chat,
        datasets,
        docs,
        erasures,
        feedback,
        health,
        jobs,
        pages,
        releases,
        sessions,
        suggestions,
        training,
        uploads,
    )

    modules = (
        *(
            health,
            docs,
            bots,
            uploads,
            datasets,
            suggestions,
            training,
            jobs,
            releases,
            sessions,
            chat,
            feedback,
            erasures,
        ),
        *(audit, pages),
    )
    return tuple(module.api for module in modules)
