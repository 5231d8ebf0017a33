"""An HTML page that needs nothing else: its style is in it, and a policy by which a browser loads and runs nothing.

Rule: what stands in a page is text of the caller's, escaped there with ``html.escape``; nobody's words become markup,
and where one did all the same, the policy (CSP level 3) lets it do nothing.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; color: #1c2733; margin: 2.5rem auto;
  max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid #d9dfe5; } th { color: #5b6875; font-weight: 500; }
.id { font: 12px/1.5 ui-monospace, monospace; word-break: break-all; } .number { text-align: right; }
.limits { color: #5b6875; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""


def policy_of(style: str = "") -> str:
    """The ``Content-Security-Policy`` of a page that has ``style`` besides ``STYLE``: these styles, and no more."""
    digest = base64.b64encode(hashlib.sha256((STYLE + style).encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def html_page(language: str, title: str, body: str, style: str = "") -> str:
    """The page of ``body``, which is HTML, with ``title``, which is text, in ``language`` (``en`` or ``zh``)."""
    return (
        f'<!doctype html><html lang="{"zh-Hans" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy_of(style)}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE + style}</style></head><body>{body}</body></html>\n"
    )
