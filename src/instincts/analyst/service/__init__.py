"""The moderation service: OpenAI's schema outside, trees and policies inside.

    settings.py, tenants.py     what is allowed, and who is who
    asking.py                   the analyst that grows trees
    storage.py                  trees and verdicts that survive a kill
    shelf.py                    which policy is in force
    recent.py                   what memory holds
    moderator.py                one request: seen before, shared, queued, grown, stored
    categories.py, answers.py   a verdict in OpenAI's words, and in ours
    application.py              the HTTP of it; page.py is what a browser gets
    intake.py, last_resort.py   what stands before it: bodies within bounds, and one answer for what nobody foresaw

Knows HTTP, and nothing of how a tree is scored.
"""

from instincts.analyst.service.settings import ServiceSettings

__all__ = ["ServiceSettings"]
