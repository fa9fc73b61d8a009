"""What python.test.ts asks of OpenAI's Python package; the address is the one argument. Prints what it saw as JSON."""
import asyncio
import json
import sys

import openai

base_url = sys.argv[1]
model = "smollm2-135m"
client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)
small = dict(model=model, messages=[{"role": "user", "content": "Name three colours."}], temperature=0, max_tokens=24)
seen = {}

completion = client.chat.completions.create(**small)
seen["answer"] = completion.choices[0].message.content
seen["total"] = completion.usage.total_tokens - completion.usage.prompt_tokens - completion.usage.completion_tokens

chunks = list(client.chat.completions.create(**small, stream=True, stream_options={"include_usage": True}))
seen["streamed"] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
seen["streamed_tokens"] = chunks[-1].usage.completion_tokens - completion.usage.completion_tokens

seen["models"] = [entry.id for entry in client.models.list()]


def refusal(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code]


seen["unknown"] = refusal(lambda: client.chat.completions.create(**{**small, "model": "gpt-4o"}))
seen["long"] = refusal(lambda: client.chat.completions.create(**{**small, "messages": [{"role": "user", "content": "word " * 9000}]}))
stranger = openai.OpenAI(base_url=base_url, api_key="ek_aaaaaaaaaaaaaaaa_0123456789012345678901234567890123456789012", max_retries=0)
seen["stranger"] = refusal(lambda: stranger.models.list())


async def together():
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as many:
        answers = await asyncio.gather(*(many.chat.completions.create(**small) for _ in range(3)))
        return sorted({answer.choices[0].message.content for answer in answers})


seen["together"] = asyncio.run(together())

stream = client.chat.completions.create(**{**small, "max_tokens": 2000}, logit_bias={"0": -100, "2": -100}, stream=True)
for chunk in stream:
    if chunk.choices[0].delta.content:
        break
stream.close()

print(json.dumps(seen))
