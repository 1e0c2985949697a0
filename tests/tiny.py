"""Makes tiny vision models with random weights, so that the real vLLM runs in seconds and nothing is downloaded."""

from pathlib import Path
from typing import Any

# torch, transformers and tokenizers are imported in the functions: they take seconds, and are there only where vLLM is.

MAX_MODEL_LEN = 8192
"""Tokens that a prompt and its answer may take together."""

ENGINE: dict[str, Any] = {
    "dtype": "float32",
    "enforce_eager": True,
    "max_model_len": MAX_MODEL_LEN,
    "max_num_seqs": 4,
    "max_num_batched_tokens": MAX_MODEL_LEN,
    "kv_cache_memory_bytes": 2**27,
    "limit_mm_per_prompt": {"image": 1},
    "mm_processor_cache_gb": 0,
    "enable_prefix_caching": False,
    "generation_config": "vllm",
    "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
}
"""How vLLM is started with a tiny model: what the product sets, and what keeps it small."""

QUIET = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""The environment that keeps vLLM from calling anyone."""

VOCABULARY = 1500
TILE, PATCH, SHRINK = 128, 16, 2
TOKENS_PER_TILE = (TILE // PATCH // SHRINK) ** 2
LONGEST_EDGE = 2 * TILE

TEXT = """\
Invoice number INV-2024-0137 dated 12 March 2024, payable within 30 days. Thank you for your order. Net amount,
value added tax, total due. Please transfer the amount to the account below. Ship to: 14 Harbour Street, Bristol.
Quantity, unit price, amount.
Rechnung Nummer 2024-0815 vom 3. Mai 2024, zahlbar innerhalb von 14 Tagen ohne Abzug. Nettobetrag, Mehrwertsteuer,
Gesamtbetrag. Bitte überweisen Sie den Betrag auf das unten genannte Konto. Lieferanschrift: Königstraße 7, München.
Menge, Einzelpreis.
Facture numéro F-2024-118 du 7 février 2024, payable à réception. Montant hors taxe, taxe sur la valeur ajoutée,
total à payer. Veuillez régler cette somme par virement bancaire. Livraison : 22 rue de l'Église, Orléans. Quantité,
prix unitaire, montant.
Fattura numero 452 del 19 settembre 2024, pagamento entro 60 giorni. Imponibile, imposta sul valore aggiunto, totale
da pagare. Si prega di effettuare il bonifico sul conto indicato. Consegna: via della Libertà 5, Perugia. Quantità,
prezzo unitario, importo.
Fatura número 2024/391 de 1 de agosto de 2024, pagamento em 15 dias. Valor líquido, imposto sobre o valor
acrescentado, total. Por favor transfira a importância para a conta abaixo. Entrega: avenida da Conceição 88,
Coimbra. Quantidade, preço unitário.
Factura número A-2024-77 del 24 de noviembre de 2024, vencimiento a 30 días. Base imponible, impuesto sobre el valor
añadido, total. Rogamos abonen el importe en la cuenta indicada. Envío: calle del Niño 3, Logroño. Cantidad, precio
unitario, importe.
चालान संख्या २०२४-१५ दिनांक ५ जून २०२४, भुगतान तीस दिनों के भीतर। शुद्ध राशि, वस्तु एवं सेवा कर, कुल देय राशि। कृपया
राशि नीचे दिए गए खाते में भेजें। पता: १२ गांधी मार्ग, नई दिल्ली। मात्रा, इकाई मूल्य, राशि। आपके आदेश के लिए धन्यवाद।
ใบแจ้งหนี้เลขที่ ๒๕๖๗/๐๐๔๒ วันที่ ๙ มกราคม ๒๕๖๗ ชำระภายใน ๓๐ วัน จำนวนเงินก่อนภาษี ภาษีมูลค่าเพิ่ม ยอดรวมทั้งสิ้น
กรุณาโอนเงินเข้าบัญชีด้านล่าง ที่อยู่ ๕๕ ถนนสุขุมวิท กรุงเทพมหานคร จำนวน ราคาต่อหน่วย จำนวนเงิน ขอบคุณที่ใช้บริการ
{"number":"INV-1","date":"2024-03-12","lines":[{"text":"Paper A4","quantity":"2","amount":"9.98"}],"total":"11.88",
"issuer":{"name":"Muster GmbH","address":null},"notes":[]}
"""
"""Eight languages and JSON: the vocabulary holds whole words of each, and splits others within a character as real ones do."""

CHAT = (
    "<|begin_of_text|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% if message['content'] is string %} {{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def tiny_checkpoint(folder: Path, *, width: int = 128, layers: int = 2) -> Path:
    """Write a tiny Idefics3, the architecture of Granite-Docling, into `folder` and return it.

    3 MB; the same weights and tokens every time. It answers nonsense, and other nonsense for each image and prompt.
    vLLM imports most other families (Qwen-VL, LLaVA, Gemma, Pixtral) only beside torchvision, which an index need not have
    for a torch without CUDA.

    Args:
        folder: where the model goes.
        width: of the language model, a multiple of 128; what takes time grows with it, the vision tower stays small.
        layers: of the language model.
    """
    import torch
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        set_seed,
    )

    tokenizer = tiny_tokenizer()
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = Idefics3Config(
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": TILE,
            "patch_size": PATCH,
            "initializer_range": 0.1,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": width // 64,
            "num_key_value_heads": width // 128,
            "head_dim": 64,  # vLLM's attention for CPUs takes no 16
            "max_position_embeddings": MAX_MODEL_LEN,
            "initializer_range": 0.1,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        scale_factor=SHRINK,
        image_token_id=image,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.1,
    )
    set_seed(7)
    model = Idefics3ForConditionalGeneration(config).to(torch.float32)
    model.save_pretrained(folder)
    images = Idefics3ImageProcessorPil(size={"longest_edge": LONGEST_EDGE}, max_image_size={"longest_edge": TILE})
    Idefics3Processor(images, tokenizer, image_seq_len=TOKENS_PER_TILE, chat_template=CHAT).save_pretrained(folder)
    return folder


def tiny_tokenizer() -> Any:
    """Byte-level BPE as most models have it: every string can be read and written, whatever its script."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    grid = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    begin, end, pad = "<|begin_of_text|>", "<end_of_utterance>", "<pad>"
    special = [pad, begin, end, "<fake_token_around_image>", "<image>", "<global-img>", *grid]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        TEXT.splitlines(),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    # Put before every text, as Llama's does; in a chat it comes from the template, and must not stand there twice.
    bpe.post_processor = processors.TemplateProcessing(single=f"{begin} $A", special_tokens=[(begin, bpe.token_to_id(begin))])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=begin,
        eos_token=end,
        pad_token=pad,
        model_max_length=MAX_MODEL_LEN,
        clean_up_tokenization_spaces=False,
    )
