"""inferd with real parts, asked by the official openai client. Started by ./run."""
import json
import pathlib
import sys
import urllib.request

import numpy
import openai

import models

programs, sources, here = (pathlib.Path(argument) for argument in sys.argv[1:4])
sys.dont_write_bytecode = True
sys.path.insert(0, str(sources / "fixtures" / "story"))
from world import World, free_port, wait_for  # noqa: E402

KEY = "a-key-of-the-interop-test"
failures = []


def check(what, holds, found=None):
    print(f"  {'ok    ' if holds else 'FAILED'}  {what}" + ("" if holds else f": {found!r}"), flush=True)
    if not holds:
        failures.append(what)


def serve(world, name, file):
    """An inferd for one file, with an API key; gives a client for it."""
    port = free_port()
    keys = world.here / f"{name}.keys"
    keys.write_text(KEY + "\n")
    keys.chmod(0o600)
    (world.here / f"{name}.toml").write_text(f"""version = 1
directory = "{name}"
trust = "trust.toml"
[model]
file = "{file}"
name = "{name}"
[server]
listen = "127.0.0.1:{port}"
api_keys = "{keys}"
[receipts]
agent = "{world.agent_socket}"
""")
    world.start(name, "inferd", "--config", world.here / f"{name}.toml")

    def healthy():
        world.alive(name)
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).status == 200
        except OSError:
            return False

    wait_for(healthy, f"inferd with {name}", 60)
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, max_retries=0), port


def publish(world, file, parent, operation):
    world.release(file, "--operation", operation, "--parent", f"base:{parent}")
    world.attestctl("lineage", "bundle", file, *world.online())


def replays(world, port, receipt, model):
    """The receipt, fetched and replayed: whether the answer came from this model."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/receipts/{receipt}",
                                     headers={"Authorization": f"Bearer {KEY}"})
    file = world.here / f"{receipt}.receipt"
    file.write_bytes(urllib.request.urlopen(request).read())
    replayed = world.attestctl("receipt", "replay", file, "--model", model, "--trust", world.trust, expect=None)
    return "came from this model" in replayed.stdout


def ask_texts(world, client, port, model):
    listed = client.models.list().data
    check("models: one, by its name", [each.id for each in listed] == ["talker"], listed)
    plain = client.completions.create(model="talker", prompt="The node", max_tokens=12, temperature=0, logprobs=2)
    check("completions: a text of 12 tokens", plain.usage.completion_tokens == 12, plain.usage)
    check("completions: log-probabilities of each", len(plain.choices[0].logprobs.tokens) == 12)
    check("completions: the receipt replays", replays(world, port, plain.receipt, model))
    pieces = list(client.completions.create(model="talker", prompt="The node", max_tokens=12, temperature=0,
                                            stream=True))
    check("completions: a stream says the same", "".join(each.choices[0].text for each in pieces)
          == plain.choices[0].text)
    stopped = client.completions.create(model="talker", prompt="The node", max_tokens=12, temperature=0,
                                        stop=[plain.choices[0].text[3:5]])
    check("completions: a stop text ends it", stopped.choices[0].text == plain.choices[0].text[:3], stopped.choices)


def ask_chats(world, client, port, model):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What boots?"}]
    said = {"model": "talker", "messages": messages, "max_tokens": 16, "seed": 7, "temperature": 0.8, "top_p": 0.9,
            "presence_penalty": 0.5, "frequency_penalty": 0.5}
    first, second = client.chat.completions.create(**said), client.chat.completions.create(**said)
    check("chat: a seed gives one answer", first.choices[0].message.content == second.choices[0].message.content)
    check("chat: the receipt replays", replays(world, port, first.receipt, model))
    stream = client.chat.completions.create(**said, stream=True, stream_options={"include_usage": True})
    text = "".join(each.choices[0].delta.content or "" for each in stream if each.choices)
    check("chat: a stream says the same", text == first.choices[0].message.content, text)
    chances = client.chat.completions.create(model="talker", messages=messages, max_tokens=4, logprobs=True,
                                             top_logprobs=3).choices[0].logprobs.content
    check("chat: log-probabilities with the likeliest three", all(len(each.top_logprobs) == 3 for each in chances))


def ask_forms(world, client, port, model):
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 8},
                                               "cores": {"type": "integer", "minimum": 1, "maximum": 64},
                                               "trusted": {"type": "boolean"}},
              "required": ["name", "cores", "trusted"], "additionalProperties": False}
    messages = [{"role": "user", "content": "Describe the node."}]
    made = client.chat.completions.create(
        model="talker", messages=messages, max_tokens=200, temperature=1, seed=3,
        response_format={"type": "json_schema", "json_schema": {"name": "node", "strict": True, "schema": schema}})
    content = json.loads(made.choices[0].message.content)
    check("a schema is kept", list(content) == ["name", "cores", "trusted"] and 1 <= content["cores"] <= 64
          and isinstance(content["trusted"], bool) and len(content["name"]) <= 8, content)
    check("its receipt replays", replays(world, port, made.receipt, model))
    try:
        from pydantic import BaseModel

        class Node(BaseModel):
            trusted: bool
            level: int

        parsed = client.beta.chat.completions.parse(model="talker", messages=messages, max_tokens=100,
                                                    response_format=Node)
        check("a pydantic class comes back as itself", isinstance(parsed.choices[0].message.parsed, Node))
    except ImportError:
        pass
    chosen = client.completions.create(model="talker", prompt="The node is", max_tokens=20,
                                       extra_body={"grammar": 'root ::= " " ("trusted" | "refused") "."'})
    check("a grammar is kept", chosen.choices[0].text in (" trusted.", " refused."), chosen.choices[0].text)


def ask_wrongly(client, port):
    def fails(what, kind, ask):
        try:
            found = ask()
        except openai.APIStatusError as error:
            found = error
        check(what, isinstance(found, kind), found)

    fails("an unknown model is NotFoundError", openai.NotFoundError,
          lambda: client.completions.create(model="other", prompt="a"))
    fails("a temperature of 200 is BadRequestError", openai.BadRequestError,
          lambda: client.completions.create(model="talker", prompt="a", temperature=200))
    fails("what is not known is BadRequestError", openai.BadRequestError,
          lambda: client.completions.create(model="talker", prompt="a", best_of=3))
    fails("a schema that cannot be kept is BadRequestError", openai.BadRequestError,
          lambda: client.chat.completions.create(
              model="talker", messages=[{"role": "user", "content": "a"}],
              response_format={"type": "json_schema", "json_schema": {
                  "name": "n", "schema": {"type": "string", "pattern": "^a"}}}))
    fails("vectors of a model that writes are NotFoundError", openai.NotFoundError,
          lambda: client.embeddings.create(model="talker", input="a"))
    other = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="another-key-altogether", max_retries=0)
    fails("a wrong key is AuthenticationError", openai.AuthenticationError, other.models.list)


def ask_vectors(world, client, port, model, bert):
    texts = ["the node boots.", "a model answers, is proven", "Models"]
    tokens = [[models.WORDS.index(word) for word in ["[CLS]", *words, "[SEP]"]]
              for words in (["the", "node", "boots", "."],
                            ["a", "model", "answer", "##s", ",", "is", "proven"], ["model", "##s"])]
    made = client.embeddings.create(model="encoder", input=texts, encoding_format="float")
    worst = max(float(numpy.abs(numpy.array(each.embedding) - bert.vector(ids)).max())
                for each, ids in zip(made.data, tokens))
    check(f"vectors are those of transformers (worst difference {worst:.1e})", worst < 2e-5, worst)
    check("tokens are counted", made.usage.prompt_tokens == sum(map(len, tokens)), made.usage)
    # Without encoding_format the client asks for base64 and decodes it.
    coded = client.embeddings.create(model="encoder", input=texts[0])
    check("base64 has the same numbers", numpy.allclose(coded.data[0].embedding, made.data[0].embedding, atol=0))
    check("a vector's receipt replays", replays(world, port, made.data[0].receipt, model))


def main():
    with World(programs, here, sources) as world:
        world.make()
        world.settle()
        talker, encoder = world.here / "talker.gguf", world.here / "encoder.gguf"
        models.talking(world.base, talker)
        publish(world, talker, world.base, "fine-tune")
        bert = models.Bert()
        bert.write(encoder)
        publish(world, encoder, world.base, "train")
        client, port = serve(world, "talker", talker)
        print(f"inferd and openai {openai.__version__}")
        ask_texts(world, client, port, talker)
        ask_chats(world, client, port, talker)
        ask_forms(world, client, port, talker)
        ask_wrongly(client, port)
        print("inferd and transformers")
        ask_vectors(world, *serve(world, "encoder", encoder), encoder, bert)
    print(f"{len(failures)} of the checks failed" if failures else "all of it agrees")
    return 1 if failures else 0


sys.exit(main())
