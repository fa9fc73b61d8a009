"""What python.test.ts asks of OpenAI's Python package; the address is the one argument. Prints what it saw as JSON."""
import asyncio
import json
import sys
import typing

import openai
import pydantic

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



class Animal(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=12)
    kind: typing.Literal["bird", "fish", "mammal"]
    legs: int = pydantic.Field(ge=0, le=8)


class Weather(pydantic.BaseModel):
    """The weather in a city."""

    city: str = pydantic.Field(max_length=12)


describe = dict(small, messages=[{"role": "user", "content": "Describe a cat."}], max_tokens=80, response_format=Animal)
parsed = client.chat.completions.parse(**describe).choices[0].message.parsed
seen["parsed"] = type(parsed).__name__
with client.chat.completions.stream(**describe) as events:
    seen["events"] = sorted({event.type for event in events} & {"content.delta", "content.done"})
    seen["parsed_stream"] = events.get_final_completion().choices[0].message.parsed == parsed

forecast = dict(small, messages=[{"role": "user", "content": "How is the weather in Oslo?"}], max_tokens=60, tools=[openai.pydantic_function_tool(Weather)], tool_choice="required", parallel_tool_calls=False)
choice = client.chat.completions.parse(**forecast).choices[0]
seen["called"] = [choice.finish_reason, [type(call.function.parsed_arguments).__name__ for call in choice.message.tool_calls]]
given = [delta.function.arguments for chunk in client.chat.completions.create(**forecast, stream=True) for delta in chunk.choices[0].delta.tool_calls or []]
seen["call_streamed"] = json.loads("".join(given)) == json.loads(choice.message.tool_calls[0].function.arguments) and len(given) > 1

text = client.completions.create(model=model, prompt=["The capital of France is", "Two and two are"], temperature=0, max_tokens=3, logprobs=2, echo=True)
seen["texts"] = [[one.index, one.text.startswith(start), one.logprobs.token_logprobs[0]] for one, start in zip(text.choices, ["The capital of France is", "Two and two are"])]
seen["text_streamed"] = "".join(chunk.choices[0].text for chunk in client.completions.create(model=model, prompt="The capital of France is", temperature=0, max_tokens=3, stream=True)) == text.choices[0].text[len("The capital of France is"):]

vectors = [entry.embedding for entry in client.embeddings.create(model=model, input=["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Income tax is due in April."]).data]
cat, kitten, tax = vectors
seen["near"] = sum(a * b for a, b in zip(cat, kitten)) > sum(a * b for a, b in zip(cat, tax))
seen["several"] = len(client.chat.completions.create(**{**small, "max_tokens": 4}, n=2, logprobs=True, top_logprobs=1).choices)

seen["default"] = next(iter(client.models.list())).id


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
