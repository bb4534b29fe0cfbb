"""What customers send by WhatsApp: reads the inbox of the webhook, and carries it into chats."""
