"""Small language models: creation, training, sampling, saving and loading.

All models are in the Hugging Face format, so a teacher or a student may come from disk; those created here
have Llama's architecture with half a million parameters and a tokeniser of whole words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.errors import InputError, MissingExtra, Problem
from stillwatch.lab.tasks import END, words
from stillwatch.prove import weights
from stillwatch.prove.case import Tokens
from stillwatch.prove.registry import Tensor
from stillwatch.prove.serving import Marking, RequestState

# Tokens without text: filling, start of a text, and unknown words.
PAD, START, UNKNOWN = "<pad>", "<start>", "<unknown>"
Step = Callable[[int, int], None]
MAX_ANSWER_TOKENS = 72  # tokens of an answer: the lab's longest have 70


def torch_or_say() -> Any:
    """PyTorch; raises `MissingExtra` where it or transformers is not installed."""
    try:
        import torch
        import transformers
    except ImportError:
        raise MissingExtra(
            Problem(fact="the lab needs PyTorch and transformers", fix="pip install 'stillwatch[lab]'")
        ) from None
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return torch


def device() -> str:
    """Device of the models: "cuda" where there is a GPU, else "cpu"."""
    return "cuda" if torch_or_say().cuda.is_available() else "cpu"


@dataclass(slots=True)
class Model:
    """A causal language model with its tokeniser."""

    net: Any
    tokenizer: Any

    @property
    def place(self) -> Any:
        """Device of the weights."""
        return next(self.net.parameters()).device

    @property
    def pad(self) -> int:
        """Id of the padding token; that of the end token where the tokeniser has none."""
        own = self.tokenizer.pad_token_id
        return int(self.tokenizer.eos_token_id if own is None else own)

    def asked(self, prompt: str) -> list[int]:
        """Token ids of a question in the model's chat template, or after its first token where it has no
        template.
        """
        if getattr(self.tokenizer, "chat_template", None):
            text = self.tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
            )
            return self.encode(text)
        first = self.tokenizer.bos_token_id
        return [self.tokenizer.eos_token_id if first is None else first, *self.encode(prompt)]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def tokenize(self, text: str) -> Tokens:
        """Tokens of a text with their character offsets, without special tokens."""
        return weights.tokens_of(self.tokenizer, text)

    def save(self, folder: Path) -> None:
        """Write the model and its tokeniser into a folder in the Hugging Face format."""
        self.net.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Hidden width, layers and attention heads of a model."""

    width: int = 96
    layers: int = 3
    heads: int = 4


def tokenizer() -> Any:
    """The lab's tokeniser: one token per word."""
    torch_or_say()
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = [PAD, START, END, UNKNOWN, *words()]
    plain = Tokenizer(models.WordLevel({word: at for at, word in enumerate(names)}, unk_token=UNKNOWN))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token=PAD, bos_token=START, eos_token=END, unk_token=UNKNOWN
    )


def fresh(seed: int, size: Size | None = None) -> Model:
    """An untrained model."""
    torch = torch_or_say()
    from transformers import LlamaConfig, LlamaForCausalLM

    size = size or Size()
    names = tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(names),
        hidden_size=size.width,
        intermediate_size=3 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        pad_token_id=names.pad_token_id,
        bos_token_id=names.bos_token_id,
        eos_token_id=names.eos_token_id,
    )
    return Model(LlamaForCausalLM(config).to(device()), names)


def load(folder: Path) -> Model:
    """Load a model in the Hugging Face format from disk, never from the network; raises `InputError` where
    there is none.
    """
    torch_or_say()
    if not (folder / "config.json").is_file():
        raise InputError(
            Problem(
                fact="no model in the Hugging Face format",
                where=str(folder),
                expected="config.json, weights and a tokeniser",
            )
        )
    held = weights.load(folder)
    return Model(held.net.to(device()), held.tokenizer)


def copy_of(model: Model) -> Model:
    """A copy with weights of its own."""
    import copy

    return Model(copy.deepcopy(model.net), model.tokenizer)


def adapted(model: Model, rank: int, seed: int) -> Model:
    """A copy of which only low-rank adapters of every linear layer are trained (LoRA, Hu and others 2021)."""
    from peft import LoraConfig, get_peft_model

    torch_or_say().manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    return Model(get_peft_model(copy_of(model).net, config), model.tokenizer)


def merged(model: Model) -> Model:
    """The model with its adapters merged into its weights; unchanged without adapters."""
    return (
        Model(model.net.merge_and_unload(), model.tokenizer)
        if hasattr(model.net, "merge_and_unload")
        else model
    )


def train(
    model: Model,
    pairs: Sequence[tuple[str, str]],
    *,
    steps: int,
    seed: int,
    batch: int = 64,
    rate: float = 2e-3,
    teacher: Model | None = None,
    progress: Step | None = None,
) -> float:
    """Train on prompts and answers, in place, with the loss on answers only; returns the mean loss of the
    last twenty steps (NaN for none).

    With a `teacher`, the target of each token is the teacher's twenty likeliest tokens with their
    probabilities, as an interface with log-probabilities shows them (Hinton and others 2015).
    """
    torch = torch_or_say()
    rng = np.random.default_rng(seed)
    rows = [encoded(model, prompt, answer) for prompt, answer in pairs]
    learnt = [one for one in model.net.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=rate, weight_decay=0.01, betas=(0.9, 0.98))
    shape = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=max(steps, 2), pct_start=0.1)
    model.net.train()
    losses: list[float] = []
    order: list[int] = []
    for step in range(steps):
        if len(order) < batch:
            order += rng.permutation(len(rows)).tolist()
        some = [rows[order.pop()] for _ in range(min(batch, len(order)))]
        ids, labels = padded(model, some)
        if teacher is None:
            loss = model.net(input_ids=ids, labels=labels, use_cache=False).loss
        else:
            loss = _soft(torch, model, teacher, ids, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        shape.step()
        losses.append(float(loss.detach()))
        if progress:
            progress(step + 1, steps)
    model.net.eval()
    return float(np.mean(losses[-20:])) if losses else float("nan")


def answer(
    model: Model,
    prompts: Sequence[str],
    *,
    seed: int,
    rows: Sequence[RequestState | None] | None = None,
    temperature: float = 1.0,
    longest: int = MAX_ANSWER_TOKENS,
    batch: int = 512,
    reshape: Callable[[Tensor, Tensor], Tensor] | None = None,
    proxy: Model | None = None,
    progress: Step | None = None,
) -> list[str]:
    """Sample the model's answer to each prompt.

    `rows` marks each answer under its own key (None: unmarked), with a `proxy` student where a mark needs
    one. `reshape` maps the token ids so far and the logits to other logits. Temperature 0 takes the
    likeliest token. `longest` is the most tokens of an answer.
    """
    torch = torch_or_say()
    torch.manual_seed(seed)
    said: list[str] = [""] * len(prompts)
    # Prompts of one length at a time need no padding.
    encoded = [model.asked(prompt) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda at: len(encoded[at]))
    groups: list[list[int]] = []
    for at in order:
        if not groups or len(groups[-1]) == batch or len(encoded[groups[-1][0]]) != len(encoded[at]):
            groups.append([])
        groups[-1].append(at)
    done = 0
    for group in groups:
        ids = torch.tensor([encoded[at] for at in group], device=model.place)
        student = None if proxy is None else Following(proxy.net).probabilities
        marking = (
            None
            if rows is None
            else Marking([rows[at] for at in group], ids.shape[1], temperature=1.0, proxy=student)
        )
        out = _sample(torch, model, ids, marking, temperature, longest, reshape)
        for at, one in zip(group, out, strict=True):
            said[at] = model.tokenizer.decode(one, skip_special_tokens=False)
        done += len(group)
        if progress:
            progress(done, len(prompts))
    return said


class Following:
    """Next-token predictions for ids that grow by one token at a time, with a cache of what was read."""

    def __init__(self, net: Any) -> None:
        self.net = net
        self._ids: Tensor = None
        self._past: Any = None

    def logits(self, ids: Tensor) -> Tensor:
        """Logits of the next token, shape (rows, vocabulary)."""
        seen = self._ids
        is_next = seen is not None and ids.shape[1] == seen.shape[1] + 1 and bool((ids[:, :-1] == seen).all())
        out = self.net(
            input_ids=ids[:, -1:] if is_next else ids,
            past_key_values=self._past if is_next else None,
            use_cache=True,
        )
        self._ids, self._past = ids, out.past_key_values
        return out.logits[:, -1].float()

    def probabilities(self, ids: Tensor) -> Tensor:
        """Probabilities of the next token, shape (rows, vocabulary)."""
        return self.logits(ids).softmax(dim=-1)


def _sample(
    torch: Any,
    model: Model,
    ids: Tensor,
    marking: Marking | None,
    temperature: float,
    longest: int,
    reshape: Any,
) -> list[list[int]]:
    """Token ids of the answers, without the end token."""
    end = model.tokenizer.eos_token_id
    cache, step, said = None, ids, ids
    live = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
    with torch.inference_mode():
        for _ in range(longest):
            out = model.net(input_ids=step, past_key_values=cache, use_cache=True)
            cache, logits = out.past_key_values, out.logits[:, -1].float()
            if reshape is not None:
                logits = reshape(said, logits)
            if temperature > 0:
                logits = logits / temperature
                if marking is not None:
                    logits = marking(said, logits)
                chosen = torch.multinomial(torch.softmax(logits, dim=-1), 1)
            else:
                chosen = logits.argmax(dim=-1, keepdim=True)
            chosen[~live] = end
            live &= chosen[:, 0] != end
            said, step = torch.cat((said, chosen), dim=1), chosen
            if not bool(live.any()):
                break
    some = said[:, ids.shape[1] :].tolist()
    return [one[: one.index(end)] if end in one else one for one in some]


def _soft(torch: Any, model: Model, teacher: Model, ids: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy between the teacher's 20 likeliest tokens and the model's probabilities."""
    with torch.inference_mode():
        likeliest = torch.softmax(
            teacher.net(input_ids=ids, use_cache=False).logits[:, :-1].float(), dim=-1
        ).topk(20)
    logs = torch.log_softmax(model.net(input_ids=ids, use_cache=False).logits[:, :-1].float(), dim=-1)
    cost = -(likeliest.values.clone() * logs.gather(-1, likeliest.indices.clone())).sum(dim=-1)
    return cost[labels[:, 1:] != -100].mean()


def encoded(model: Model, prompt: str, said: str) -> tuple[list[int], int]:
    """Token ids of prompt, answer and end token, and the number of ids of the prompt."""
    asked = model.asked(prompt)
    return [*asked, *model.encode(said), model.tokenizer.eos_token_id], len(asked)


def padded(model: Model, rows: Sequence[tuple[list[int], int]]) -> tuple[Tensor, Tensor]:
    """Encoded rows as one batch: token ids, and labels that are -100 except on answers; both of shape
    (rows, longest).
    """
    torch = torch_or_say()
    longest = max(len(ids) for ids, _ in rows)
    ids = np.full((len(rows), longest), model.pad, np.int64)
    labels = np.full((len(rows), longest), -100, np.int64)
    for at, (one, asked) in enumerate(rows):
        ids[at, : len(one)] = one
        labels[at, asked : len(one)] = one[asked:]
    return torch.from_numpy(ids).to(model.place), torch.from_numpy(labels).to(model.place)
