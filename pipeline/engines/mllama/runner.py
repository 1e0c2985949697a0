"""The order in which vLLM encodes images, mended: it must be that of the batch.

vLLM's first model runner (on CPUs, and on GPUs with VLLM_USE_V2_MODEL_RUNNER=0 or without Triton) encodes images in the
order in which requests were scheduled, but writes their keys and values in the order in which requests stand in the
batch. After a preemption these differ, and requests get each other's image without a word. Its second runner sorts them
itself.
"""

from typing import Any


def in_batch_order(runner: Any, scheduler_output: Any) -> None:
    """Sort the images that are to be encoded as their requests stand in the batch."""
    place = runner.input_batch.req_id_to_index
    images = scheduler_output.scheduled_encoder_inputs
    scheduler_output.scheduled_encoder_inputs = {request: images[request] for request in sorted(images, key=place.__getitem__)}
