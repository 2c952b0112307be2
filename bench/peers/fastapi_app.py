"""Peer (c): FastAPI, one SQLite transaction per request, WAL and synchronous=FULL."""
import hashlib
import hmac
import os
import sqlite3

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, Field

SECRET = os.environ["WEBHOOK_SECRET"].encode()

database = sqlite3.connect(os.environ["DATABASE"], isolation_level=None, check_same_thread=False)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute(
    """CREATE TABLE IF NOT EXISTS messages (
        message_id TEXT PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT NOT NULL,
        ts INTEGER NOT NULL, text TEXT NOT NULL)"""
)
database.execute("CREATE INDEX IF NOT EXISTS by_time ON messages (ts, message_id)")
database.execute("CREATE INDEX IF NOT EXISTS by_sender ON messages (sender, ts)")


class Message(BaseModel):
    message_id: str = Field(min_length=1, max_length=255)
    sender: str = Field(alias="from", min_length=1, max_length=64)
    to: str = Field(min_length=1, max_length=64)
    ts: int = Field(ge=0)
    text: str = Field("", max_length=65536)


app = FastAPI()


@app.post("/webhook")
async def webhook(request: Request):
    body = await request.body()
    expected = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("x-signature", "")):
        raise HTTPException(401)
    message = Message.parse_raw(body)
    database.execute(
        "INSERT INTO messages VALUES (?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
        (message.message_id, message.sender, message.to, message.ts, message.text),
    )
    return {"status": "ok"}
