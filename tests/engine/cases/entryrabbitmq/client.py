"""Sends messages through the broker and prints what comes back: client.py USER PASSWORD EXCHANGE-TYPE"""

import sys

import pika

user, password, kind = sys.argv[1:]
address = pika.ConnectionParameters("127.0.0.1", credentials=pika.PlainCredentials(user, password))
try:
    connection = pika.BlockingConnection(address)
except pika.exceptions.ProbableAuthenticationError:
    sys.exit("refused")
channel = connection.channel()
channel.confirm_delivery()
channel.exchange_declare("shop", kind, durable=True)
channel.queue_declare("orders", durable=True)
channel.queue_bind("orders", "shop", "order.#" if kind == "topic" else "order.new")
properties = pika.BasicProperties(delivery_mode=2, content_type="text/plain")
for number in range(3):
    channel.basic_publish("shop", "order.new", f"order {number}".encode(), properties)
for method, header, body in channel.consume("orders", inactivity_timeout=30):
    print(header.content_type, body.decode())
    channel.basic_ack(method.delivery_tag)
    if body == b"order 2":
        break
channel.cancel()
channel.queue_delete("orders")
channel.exchange_delete("shop")
connection.close()
