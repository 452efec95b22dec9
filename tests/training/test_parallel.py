"""Two real processes, as torchrun starts them, do what one process does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from sentfeat.score.batches import Batch
from tests.training.small import SHAPE
from training import parallel
from training.distil import Student, StudentConfig, loss_of, train_student
from training.lessons import Lessons

ROOT = Path(__file__).parents[2]
TOGETHER = """
import sys
from pathlib import Path
import numpy as np, torch
from training import parallel

out = Path(sys.argv[1])
parallel.join()
mine = out / f"of {torch.distributed.get_rank()}.pt"
with parallel.first_alone():
    if not (out / "made").exists():
        (out / "made").write_text(mine.name)
torch.manual_seed(0)
model, rows = torch.nn.Linear(3, 2), torch.randn(7, 3)
at, weight = parallel.share(len(rows))
(weight * model(rows[at]).square().mean()).backward()
parallel.average_gradients(model.parameters())
alone, lone_weight = parallel.share(1)
doubled, lengths = parallel.gathered(
    lambda numbers, words: (np.array(numbers) * 2.0, np.array([[len(word)] for word in words])),
    [1, 2, 3, 4, 5], ["a", "bb", "ccc", "dddd", "eeeee"],
)
torch.save({
    "gradients": [parameter.grad for parameter in model.parameters()], "doubled": doubled.tolist(),
    "lengths": lengths.tolist(), "lone": (alone.tolist(), lone_weight), "agreed": parallel.agreed(mine.name),
}, mine)
"""


def run_two(code: str, folder: Path) -> None:
    """`code` in two processes whose only argument is `folder`."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    script = folder / "together.py"
    script.write_text(code)
    done = subprocess.run([*command, str(script), str(folder)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_two_processes_share_a_batch_and_come_to_the_gradients_of_one(tmp_path):
    run_two(TOGETHER, tmp_path)
    torch.manual_seed(0)
    model, rows = torch.nn.Linear(3, 2), torch.randn(7, 3)
    model(rows).square().mean().backward()
    found = [torch.load(tmp_path / f"of {rank}.pt", weights_only=False) for rank in (0, 1)]
    for each in found:
        for gradient, parameter in zip(each["gradients"], model.parameters(), strict=True):
            torch.testing.assert_close(gradient, parameter.grad)
        assert each["doubled"] == [2.0, 4.0, 6.0, 8.0, 10.0]
        assert each["lengths"] == [[1], [2], [3], [4], [5]]
        assert each["agreed"] == "of 0.pt"
    assert [each["lone"] for each in found] == [([0], 2.0), ([0], 0.0)]
    assert (tmp_path / "made").read_text() == "of 0.pt"


STUDENT = """
import sys
from pathlib import Path
import torch
from training import parallel
from training.distil import train_student

out = Path(sys.argv[1])
parallel.join()
config, student, lessons = torch.load(out / "given.pt", weights_only=False)
train_student(config, student, lessons, out)
torch.save(student.state_dict(), out / f"weights {torch.distributed.get_rank()}.pt")
"""


def test_two_processes_train_one_student(tmp_path):
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    config = StudentConfig(
        epochs=6, batch_tokens=48, lr_matrix=0.01, lr_other=3e-3, warmup_steps=2, hard_share=0.5, vector_weight=0.5,
        repeats={},
    )  # fmt: skip
    model = MistralForCausalLM(MistralConfig(vocab_size=64, sliding_window=None, **SHAPE))
    prompts = [random.integers(20, 64, size=length).tolist() for length in random.integers(4, 9, size=25)]
    targets = np.zeros((25, 15), dtype=np.float32)
    targets[np.arange(25), random.integers(0, 3, size=25)] = 1
    lessons = Lessons(prompts, targets, np.zeros(25, dtype=bool), random.normal(size=(25, 8)).astype(np.float16))
    student = Student(model, tuple(range(15)), 8)
    torch.save((config, student, lessons), tmp_path / "given.pt")
    run_two(STUDENT, tmp_path)
    first, second = (torch.load(tmp_path / f"weights {rank}.pt") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert len(list(tmp_path.glob("checkpoint*"))) == 1

    def loss():
        with torch.no_grad():
            return loss_of(student, lessons, Batch(np.arange(25), 25, 8), config.vector_weight).item()

    untrained = loss()
    given = {name: weight.clone() for name, weight in student.state_dict().items()}
    student.load_state_dict(first)
    together = loss()
    student.load_state_dict(given)
    (tmp_path / "alone").mkdir()
    train_student(config, student, lessons, tmp_path / "alone")
    assert together < 0.7 * untrained
    assert together == pytest.approx(loss(), rel=0.1)


def test_one_process_has_every_row_and_its_gradients_stay():
    parallel.join()
    parallel.wait()
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.full((2,), 3.0)
    parallel.average_gradients([weight])
    at, counts = parallel.share(3)
    assert (at.tolist(), counts, weight.grad.tolist()) == ([0, 1, 2], 1.0, [3.0, 3.0])
    assert parallel.is_first()
    assert parallel.agreed("mine") == "mine"
    [doubled] = parallel.gathered(lambda numbers: (np.array(numbers) * 2,), [1, 2])
    assert doubled.tolist() == [2, 4]
    with parallel.first_alone():
        pass
