"""The conversational side: workers that take turns and answer them with LlamaIndex. The hub never imports this."""
