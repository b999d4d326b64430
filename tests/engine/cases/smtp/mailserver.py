import time

from aiosmtpd.controller import Controller


class Handler:
    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        import email
        import email.policy

        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body()
        names = [part.get_filename() for part in message.iter_attachments()]
        print("mail", message["subject"], body.get_content()[:40] if body else None, names, flush=True)
        return "250 OK"


Controller(Handler(), hostname="0.0.0.0", port=2025).start()
while True:
    time.sleep(3600)
