"""
Next-token training on a stream of texts, one text at a time, with charts of how it goes.

$ python train_advanced.py --dataset texts.jsonl --tokenizer bytes --steps 1000
$ python train_advanced.py --steps 10000 --viz-interval 50      # SlimPajama, streamed, with a SentencePiece model

Writes training_viz/ (seven charts and two JSON files) and checkpoints/ (three files per checkpoint).
"""

import argparse
import json
import os
import time
from dataclasses import dataclass

IMPORTS_OK = True
try:
    import numpy as np
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
except ImportError as e:
    IMPORTS_OK = False
    IMPORT_ERROR = e

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    MODEL_AVAILABLE = True
except ImportError:
    MODEL_AVAILABLE = False # simulation mode: charts of random numbers

# -----------------------------------------------------------------------------
# configuration

@dataclass
class TrainingConfig:
    # model
    vocab_size: int = 32000
    embedding_dim: int = 1536
    gpu_device: int = 0
    # data
    dataset_name: str = 'cerebras/SlimPajama-627B'
    split: str = 'train'
    streaming: bool = True
    max_seq_length: int = 256
    batch_size: int = 1 # unused
    # training
    initial_learning_rate: float = 0.001
    num_steps: int = 10000
    warmup_steps: int = 1000
    # what is written, and how often, in steps
    output_dir: str = '.'
    checkpoint_dir: str = 'checkpoints'
    checkpoint_interval: int = 2000
    viz_dir: str = 'training_viz'
    viz_interval: int = 50
    viz_dpi: int = 150
    display_samples: int = 5
    # tokenizer
    tokenizer: str = os.path.join('tokenizer', 'nlp_agent_tokenizer.model')

@dataclass
class TrainingMetrics:
    step: int
    loss: float
    accuracy: float
    tokens_per_sec: float
    gpu_memory_mb: float
    learning_rate: float
    timestamp: float

# -----------------------------------------------------------------------------
# the model: it remembers what it has read, also from one text to the next

if MODEL_AVAILABLE:

    class StreamModel(nn.Module):

        def __init__(self, vocab_size, embedding_dim, gpu_device):
            super().__init__()
            self.vocab_size = vocab_size
            self.embedding_dim = embedding_dim
            self.embeddings = nn.Embedding(vocab_size, embedding_dim)
            self.cell = nn.GRU(embedding_dim, embedding_dim)
            self.decoder = nn.Linear(embedding_dim, vocab_size)
            self.register_buffer('memory', torch.zeros(1, embedding_dim))
            self.device = torch.device('cuda', gpu_device) if torch.cuda.is_available() else torch.device('cpu')
            self.to(self.device)
            self.optimizer = torch.optim.Adam(self.parameters(), lr=0.001) # its own rate, whatever the display says

        def forward(self, ids):
            outputs, memory = self.cell(self.embeddings(ids), self.memory.clone())
            self.memory.copy_(memory.detach())
            return self.decoder(outputs)

        def train_step(self, input_ids, target_ids):
            inputs = torch.tensor(input_ids, device=self.device)
            targets = torch.tensor(target_ids, device=self.device)
            logits = self(inputs)
            loss = F.cross_entropy(logits, targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            accuracy = (logits.argmax(-1) == targets).float().mean().item()
            return 1.0 - accuracy, accuracy

        def generate(self, prompt_ids, max_length=100):
            ids = list(prompt_ids)
            with torch.no_grad():
                logits = self(torch.tensor(ids, device=self.device))
                for _ in range(max_length):
                    ids.append(logits[-1].argmax().item())
                    if ids[-1] == 50256:
                        break
                    logits = self(torch.tensor(ids[-1:], device=self.device))
            return ids

        def save_checkpoint(self, path):
            sizes = {'version': 1, 'vocab_size': self.vocab_size, 'embedding_dim': self.embedding_dim}
            torch.save({**sizes, 'cell': self.cell.state_dict(), 'memory': self.memory}, path)
            torch.save({**sizes, 'weight': self.embeddings.weight.detach()}, path + '.embeddings')
            torch.save({**sizes, **{k: v for k, v in self.decoder.state_dict().items()}}, path + '.decoder')

        def load_checkpoint(self, path):
            trunk = torch.load(path, map_location=self.device)
            self.cell.load_state_dict(trunk['cell'])
            self.memory.copy_(trunk['memory'])
            for part, module in (('embeddings', self.embeddings), ('decoder', self.decoder)):
                if not os.path.exists(f'{path}.{part}'):
                    print(f'warning: no {path}.{part}')
                    continue
                saved = torch.load(f'{path}.{part}', map_location=self.device)
                module.load_state_dict({k: v for k, v in saved.items() if k in ('weight', 'bias')})

# -----------------------------------------------------------------------------
# texts and tokens

class ByteTokenizer:
    """UTF-8 bytes; white space counts once, and not at the ends."""

    def encode(self, text):
        return list(' '.join(text.split()).encode('utf-8'))

    def decode(self, ids):
        return bytes(i for i in ids if i < 256).decode('utf-8', errors='replace')

def load_tokenizer(name):
    if name == 'bytes':
        return ByteTokenizer()
    import sentencepiece
    processor = sentencepiece.SentencePieceProcessor()
    processor.load(name)
    return processor

class JsonLines:
    """One JSON object per line; a line that is none raises, and the next one can still be read."""

    def __init__(self, path):
        self.file = open(path, encoding='utf-8')

    def __iter__(self):
        return self

    def __next__(self):
        line = self.file.readline()
        if not line:
            raise StopIteration
        return json.loads(line)

def open_stream(config):
    if os.path.isfile(config.dataset_name):
        return JsonLines(config.dataset_name)
    from datasets import load_dataset
    return iter(load_dataset(config.dataset_name, split=config.split, streaming=config.streaming))

# -----------------------------------------------------------------------------
# charts and JSON

class VisualizationManager:

    def __init__(self, directory, dpi):
        self.directory = directory
        self.dpi = dpi
        os.makedirs(directory, exist_ok=True)
        self.history = {'steps': [], 'loss': [], 'accuracy': [], 'throughput': [], 'learning_rate': []}
        self.text_samples = []

    def add_metrics(self, m):
        self.history['steps'].append(m.step)
        self.history['loss'].append(m.loss)
        self.history['accuracy'].append(m.accuracy)
        self.history['throughput'].append(m.tokens_per_sec)
        self.history['learning_rate'].append(m.learning_rate)

    def add_text_sample(self, step, input_text, output_text, accuracy):
        if input_text and output_text:
            sample = {'step': step, 'input': input_text, 'output': output_text, 'accuracy': accuracy}
            self.text_samples.append(sample)

    def generate_charts(self, step):
        h = self.history
        steps = h['steps']
        if len(steps) < 10:
            return
        accuracy = [100 * a for a in h['accuracy']]
        window = 50
        fig = plt.figure(figsize=(20, 12))
        grid = fig.add_gridspec(3, 3)
        fig.suptitle(f'Training Progress - Step {step}')

        def moving_average(ax, values):
            if len(values) > window:
                kernel = np.ones(window) / window
                ax.plot(steps[window - 1:], np.convolve(values, kernel, mode='valid'), label=f'{window}-step average')
                ax.legend()

        # 1: loss
        ax = fig.add_subplot(grid[0, 0])
        ax.plot(steps, h['loss'], alpha=0.4, label='loss')
        moving_average(ax, h['loss'])
        ax.set(title='Training Loss', xlabel='Step', ylabel='Loss')
        # 2: accuracy
        ax = fig.add_subplot(grid[0, 1])
        ax.plot(steps, accuracy, alpha=0.4, label='accuracy')
        moving_average(ax, accuracy)
        ax.set(title='Training Accuracy', xlabel='Step', ylabel='Accuracy (%)', ylim=(0, 100))
        # 3: throughput
        ax = fig.add_subplot(grid[0, 2])
        ax.plot(steps, h['throughput'])
        ax.set(title='Throughput', xlabel='Step', ylabel='Tokens/sec')
        # 4: learning rate
        ax = fig.add_subplot(grid[1, 0])
        ax.plot(steps, h['learning_rate'])
        ax.set(title='Learning Rate', xlabel='Step', ylabel='Learning Rate', yscale='log')
        # 5: loss against accuracy
        ax = fig.add_subplot(grid[1, 1])
        points = ax.scatter(h['loss'], accuracy, c=steps, alpha=0.6)
        fig.colorbar(points, ax=ax, label='Step')
        ax.set(title='Loss vs Accuracy', xlabel='Loss', ylabel='Accuracy (%)')
        # 6: the last 500 steps
        if len(steps) > 500:
            ax = fig.add_subplot(grid[1, 2])
            ax.plot(range(500), h['loss'][-500:], color='tab:blue')
            ax.set(title='Recent Performance (last 500)', xlabel='Recent Step', ylabel='Loss')
            twin = ax.twinx()
            twin.plot(range(500), accuracy[-500:], color='tab:orange')
            twin.set(ylabel='Accuracy (%)')
        # 7: text samples
        ax = fig.add_subplot(grid[2, :])
        ax.axis('off')
        ax.set(title='Text Samples')
        cut = lambda text: text[:40] + '...' if len(text) > 40 else text
        rows = [[str(s['step']), cut(s['input']), cut(s['output']), f"{s['accuracy']:.1%}"]
                for s in self.text_samples[-5:]]
        if rows:
            ax.table(cellText=rows, colLabels=['Step', 'Input', 'Model Output', 'Accuracy'], loc='center')

        path = os.path.join(self.directory, f'training_step_{step:06d}.png')
        fig.savefig(path, dpi=self.dpi, bbox_inches='tight')
        fig.savefig(os.path.join(self.directory, 'training_latest.png'), dpi=self.dpi, bbox_inches='tight')
        plt.close(fig)
        print(f'saved visualization: {os.path.basename(path)}')

    def save_metrics_json(self):
        with open(os.path.join(self.directory, 'metrics_history.json'), 'w') as f:
            json.dump(self.history, f, indent=2)
        with open(os.path.join(self.directory, 'text_samples.json'), 'w') as f:
            json.dump(self.text_samples, f, indent=2)

# -----------------------------------------------------------------------------
# training

class AdvancedTrainer:

    def __init__(self, config):
        self.config = config
        self.checkpoint_dir = os.path.join(config.output_dir, config.checkpoint_dir)
        os.makedirs(self.checkpoint_dir, exist_ok=True)
        self.viz = VisualizationManager(os.path.join(config.output_dir, config.viz_dir), config.viz_dpi)
        self.tokenizer = load_tokenizer(config.tokenizer)
        self.model = None
        if MODEL_AVAILABLE:
            self.model = StreamModel(config.vocab_size, config.embedding_dim, config.gpu_device)
        else:
            print('no torch: simulation mode')

    def learning_rate(self, step):
        config = self.config
        if step < config.warmup_steps:
            return config.initial_learning_rate * step / config.warmup_steps
        return config.initial_learning_rate

    def train(self):
        config = self.config
        stream = open_stream(config)
        step, skips, step_times = 0, 0, []
        while step < config.num_steps:
            if skips > 1000:
                print('too many skipped samples in a row, stopping')
                break
            try:
                text = next(stream)['text']
            except StopIteration:
                print('end of the data')
                break
            except Exception as e:
                print(f'skipping a sample: {e}')
                skips += 1
                continue
            if not text or len(text) < 10:
                skips += 1
                continue
            skips = 0
            tokens = self.tokenizer.encode(text)[:config.max_seq_length]
            if len(tokens) < 2:
                continue
            input_ids, target_ids = tokens[:-1], tokens[1:]

            t0 = time.time()
            if self.model is not None:
                loss, accuracy = self.model.train_step(input_ids, target_ids)
            else:
                loss, accuracy = np.random.uniform(1.0, 3.0), np.random.uniform(0.0, 0.3)
            dt = time.time() - t0
            tps = len(input_ids) / dt if dt > 0 else 0.0
            lr = self.learning_rate(step)
            self.viz.add_metrics(TrainingMetrics(step, loss, accuracy, tps, 0.0, lr, time.time()))
            if step % config.display_samples == 0:
                self.viz.add_text_sample(step, self.tokenizer.decode(input_ids[:50]),
                                         self.tokenizer.decode(target_ids[:50]), accuracy)
            step_times = (step_times + [dt])[-100:]
            eta = (config.num_steps - step) * sum(step_times) / len(step_times)
            print(f'step {step}: loss {loss:.4f}, acc {accuracy:.4f}, lr {lr:.3e}, {tps:.0f} tok/s, eta {eta:.0f}s')
            if step > 0 and step % config.viz_interval == 0:
                self.viz.generate_charts(step)
                self.viz.save_metrics_json()
            if step > 0 and step % config.checkpoint_interval == 0 and self.model is not None:
                path = os.path.join(self.checkpoint_dir, f'checkpoint_step_{step}.bin')
                self.model.save_checkpoint(path)
                print(f'saved checkpoint: {path}')
            step += 1

        self.viz.generate_charts(step)
        self.viz.save_metrics_json()
        h = self.viz.history
        positive = [t for t in h['throughput'] if t > 0]
        print(f'average throughput: {np.mean(positive) if positive else 0.0:.0f} tokens/sec')
        print(f"final loss: {h['loss'][-1]:.4f}, final accuracy: {h['accuracy'][-1]:.4f}")

def parse_config():
    default = TrainingConfig()
    parser = argparse.ArgumentParser()
    parser.add_argument('--gpu', type=int, default=default.gpu_device)
    parser.add_argument('--steps', type=int, default=default.num_steps)
    parser.add_argument('--viz-interval', type=int, default=default.viz_interval)
    parser.add_argument('--checkpoint-interval', type=int, default=default.checkpoint_interval)
    parser.add_argument('--dataset', default=default.dataset_name, help='a file of JSON lines, or a dataset of the hub')
    parser.add_argument('--tokenizer', default=default.tokenizer, help="a SentencePiece model, or 'bytes'")
    parser.add_argument('--output-dir', default=default.output_dir)
    parser.add_argument('--vocab-size', type=int, default=default.vocab_size)
    parser.add_argument('--embedding-dim', type=int, default=default.embedding_dim)
    parser.add_argument('--max-seq-length', type=int, default=default.max_seq_length)
    parser.add_argument('--learning-rate', type=float, default=default.initial_learning_rate)
    parser.add_argument('--warmup-steps', type=int, default=default.warmup_steps)
    parser.add_argument('--display-samples', type=int, default=default.display_samples)
    parser.add_argument('--viz-dpi', type=int, default=default.viz_dpi)
    args = parser.parse_args()
    return TrainingConfig(
        vocab_size=args.vocab_size, embedding_dim=args.embedding_dim, gpu_device=args.gpu, dataset_name=args.dataset,
        max_seq_length=args.max_seq_length, initial_learning_rate=args.learning_rate, num_steps=args.steps,
        warmup_steps=args.warmup_steps, output_dir=args.output_dir, checkpoint_interval=args.checkpoint_interval,
        viz_interval=args.viz_interval, viz_dpi=args.viz_dpi, display_samples=args.display_samples,
        tokenizer=args.tokenizer)

def main():
    config = parse_config()
    if not IMPORTS_OK:
        print(f'missing: {IMPORT_ERROR}')
        return
    AdvancedTrainer(config).train()

if __name__ == '__main__':
    main()
