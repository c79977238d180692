"""Reads a Maildir with Python's own parser and writes one JSON object a line about each email."""
import email.policy
import json
import mailbox
import sys
from email.header import decode_header, make_header

for raw in mailbox.Maildir(sys.argv[1], factory=None):
    data = raw.as_bytes()
    head = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    m = email.message_from_bytes(data, policy=email.policy.default)
    parts = {p.get_content_type(): p for p in m.walk() if not p.is_multipart()}
    plain, html, png = (parts.get(t) for t in ("text/plain", "text/html", "image/png"))
    print(json.dumps({
        "envelope": str(raw.get("X-RcptTo", "")),
        "to": m["To"].addresses[0].addr_spec,
        "subject": str(make_header(decode_header(raw["Subject"]))),
        "message_id": str(m["Message-ID"]),
        "date": m["Date"].datetime.isoformat(),
        "text": plain.get_content() if plain else "",
        "html": html.get_content() if html else "",
        "png": png.get_content()[:4].hex() if png else "",
        "ascii_head": all(b < 128 for b in head),
        "longest": max(len(l) for l in data.split(b"\n")),
        "defects": [str(d) for p in m.walk() for d in p.defects] + [str(d) for h in m.values() for d in getattr(h, "defects", ())],
    }))
