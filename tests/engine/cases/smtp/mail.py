"""Send a mail in a character set to the server at 127.0.0.1:2025, with an attachment or without."""

import smtplib
import sys
from email.message import EmailMessage

charset, kind = sys.argv[1:]
message = EmailMessage()
message["Subject"], message["From"], message["To"] = charset, "a@example.org", "b@example.org"
message.set_content("Grüße".encode(charset), "text", "plain", cte="base64")
message.set_param("charset", charset)
if kind == "attachment":
    message.add_attachment(b"\0\1", maintype="application", subtype="octet-stream", filename="b.bin")
with smtplib.SMTP("127.0.0.1", 2025, timeout=60) as server:
    server.send_message(message)
