"""The same networks and the same step in PyTorch, as its users write them, for `benchmarks/speed/speed.py`.

It runs in an environment of its own (`make bench-peer`), in the memory layout that PyTorch recommends for processors
and for new GPUs, channels last. Lower precision is its autocast in training; in generation the weights themselves are
in the lower precision, which saves PyTorch the casts.
"""

import itertools
import sys

import torch
from torch import nn
from torch.nn import functional

from benchmarks.speed import speckle_torch
from benchmarks.speed.turns import answer, levels

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
ZONES = 4  # channels of the one-hot mask
WIDTH = 64


def same(kernel: int) -> dict:
    """The padding of a convolution that halves a map, and of the transposed one that doubles it."""
    return {"kernel_size": kernel, "stride": 2, "padding": (kernel - 1) // 2}


class Down(nn.Module):
    def __init__(self, channels: int, filters: int, kernel: int, norm: bool = True):
        super().__init__()
        self.convolve = nn.Conv2d(channels, filters, **same(kernel), bias=not norm)
        self.normalise = nn.InstanceNorm2d(filters, affine=True) if norm else nn.Identity()

    def forward(self, x):
        return functional.leaky_relu(self.normalise(self.convolve(x)), 0.2, inplace=True)


class Spade(nn.Module):
    def __init__(self, filters: int, width: int):
        super().__init__()
        self.normalise = nn.InstanceNorm2d(filters)
        self.look = nn.Conv2d(ZONES, width, 3, padding=1)
        self.gamma, self.beta = (nn.Conv2d(width, filters, 3, padding=1) for _ in range(2))

    def forward(self, x, mask):
        seen = functional.relu(self.look(mask))
        return self.normalise(x) * self.gamma(seen) + self.beta(seen)


class Up(nn.Module):
    def __init__(self, channels: int, filters: int, kernel: int, dropout: bool, spade: int):
        super().__init__()
        self.convolve = nn.ConvTranspose2d(channels, filters, **same(kernel), output_padding=kernel % 2, bias=False)
        self.normalise = Spade(filters, spade) if spade else nn.InstanceNorm2d(filters, affine=True)
        self.spade, self.dropout = bool(spade), dropout

    def forward(self, x, mask):
        x = self.convolve(x)
        x = self.normalise(x, mask) if self.spade else self.normalise(x)
        if self.dropout:
            return functional.relu(functional.dropout(x, 0.5, training=True))
        return functional.leaky_relu(x, 0.2)


class Generator(nn.Module):
    def __init__(self, kernel: int, spade: int, levels: int):
        super().__init__()
        down = [ZONES] + [WIDTH * min(2**level, 8) for level in range(levels)]
        pairs = list(itertools.pairwise(down))
        self.down = nn.ModuleList(
            [Down(*pair, kernel, norm=0 < level < levels - 1) for level, pair in enumerate(pairs)]
        )
        up = down[-2:0:-1]  # channels that each block makes; as many come from its skip
        came_in = [down[-1]] + [2 * channels for channels in up[:-1]]
        self.up = nn.ModuleList(
            [Up(i, o, kernel, n < 3, spade) for n, (i, o) in enumerate(zip(came_in, up, strict=True))]
        )
        self.last = nn.ConvTranspose2d(2 * WIDTH, 1, **same(kernel), output_padding=kernel % 2)

    def forward(self, image):
        x, skips, masks = image, [], [image]
        for down in self.down:
            x = down(x)
            skips.append(x)
            masks.append(functional.avg_pool2d(masks[-1], 2) if self.up[0].spade else None)
        for up, skip, mask in zip(self.up, skips[-2::-1], masks[-2:0:-1], strict=True):
            x = torch.cat([up(x, mask), skip], dim=1)
        return torch.tanh(self.last(x).float())


class Discriminator(nn.Module):
    def __init__(self, kernel: int):
        super().__init__()
        self.stack = nn.Sequential(
            Down(ZONES + 1, WIDTH, kernel, norm=False),
            Down(WIDTH, 2 * WIDTH, kernel),
            Down(2 * WIDTH, 4 * WIDTH, kernel),
            nn.Conv2d(4 * WIDTH, 8 * WIDTH, kernel, padding=1, bias=False),
            nn.InstanceNorm2d(8 * WIDTH, affine=True),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(8 * WIDTH, 1, kernel, padding=1),
        )

    def forward(self, condition, image):
        return self.stack(torch.cat([condition, image], dim=1)).float()


def pix2pix(variant: str, batch: int, size: int, as_trained: dict):
    """Return the generator, the discriminators, what the generator takes, both losses of a step, and Adam's options."""
    kernel, spade = {"orig": (4, 0), "gen5": (5, 0), "spade": (4, 128)}[variant]
    generator = Generator(kernel, spade, levels(size)).to(**as_trained)
    discriminator = Discriminator(4).to(**as_trained)
    image, target = (torch.randn(batch, c, size, size).to(**as_trained) for c in (ZONES, 1))
    cross_entropy = functional.binary_cross_entropy_with_logits

    def losses():
        generated = generator(image)
        real, fake = discriminator(image, target), discriminator(image, generated)
        gan = cross_entropy(fake, torch.ones_like(fake))
        discriminator_loss = (
            cross_entropy(real, torch.ones_like(real)) + cross_entropy(fake, torch.zeros_like(fake))
        ) / 2
        return gan + 100 * functional.l1_loss(generated, target), discriminator_loss

    return generator, nn.ModuleList([discriminator]), lambda: (image,), losses, (2e-4, (0.5, 0.999))


def speckle(batch: int, size: int, as_trained: dict):
    """Return the same for `speckle`."""
    generator = speckle_torch.Generator().to(**as_trained)
    discriminators = [speckle_torch.PixelDiscriminator(), speckle_torch.TextureDiscriminator()]
    discriminators = nn.ModuleList(discriminators).to(**as_trained)
    classes = torch.randint(ZONES, [batch, size // 32, size // 32]).repeat_interleave(32, 1).repeat_interleave(32, 2)
    mask = functional.one_hot(classes, ZONES).permute(0, 3, 1, 2).float().to(**as_trained)
    real = torch.randn(batch, 1, size, size).tanh().to(**as_trained)
    style = torch.randn(batch, speckle_torch.STYLE).to(as_trained["device"])

    def generator_inputs():
        return mask, style, torch.randn(batch, speckle_torch.MAPS, size, size, device=as_trained["device"])

    def losses():
        return speckle_torch.losses((generator, *discriminators), mask, real, style)

    return generator, discriminators, generator_inputs, losses, (3e-4, (0.0, 0.99))


def main(variant: str, work: str, batch: str, size: str, precision: str, compiled: str = "") -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = PRECISIONS[precision]
    torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    options = int(batch), int(size), {"device": device, "memory_format": torch.channels_last}
    generator, discriminators, inputs, losses, (rate, betas) = (
        speckle(*options) if variant == "speckle" else pix2pix(variant, *options)
    )
    optimizers = [
        torch.optim.Adam(network.parameters(), rate, betas=betas, eps=1e-7, fused=True)
        for network in (generator, discriminators)
    ]
    average = [weight.detach().clone() for weight in generator.parameters()] if variant == "speckle" else []
    scaler = torch.amp.GradScaler(device, enabled=dtype == torch.float16)

    def cast_losses():
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            return losses()

    def train_step():
        total, discriminator_loss = losses_of()
        # one pass forward for both, as in TensorFlow's tutorial: each network gets the gradient of its own loss only
        gradients = torch.autograd.grad(scaler.scale(total), list(generator.parameters()), retain_graph=True)
        gradients += torch.autograd.grad(scaler.scale(discriminator_loss), list(discriminators.parameters()))
        for weight, gradient in zip([*generator.parameters(), *discriminators.parameters()], gradients, strict=True):
            weight.grad = gradient
        for network, optimizer in zip((generator, discriminators), optimizers, strict=True):
            if average:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(network.parameters(), 20.0)
            scaler.step(optimizer)
        scaler.update()
        if average:
            torch._foreach_lerp_(average, [weight.detach() for weight in generator.parameters()], 0.004)
        return float(total.detach())

    @torch.inference_mode()
    def generate():
        return run_generator(*(one.to(dtype) for one in inputs())).cpu()

    losses_of = torch.compile(cast_losses) if compiled else cast_losses
    if work == "generation":
        generator.to(dtype)
    run_generator = torch.compile(generator) if compiled else generator
    answer({"training": train_step, "generation": generate}, calls=5 if work == "generation" else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
