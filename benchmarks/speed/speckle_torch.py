"""The networks and losses of `speckle` in PyTorch, as its users write them, for `benchmarks/speed/peer_torch.py`."""

import itertools

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

ZONES = 4  # channels of the one-hot mask
WIDTH = 16
FACTORS = (12, 12, 10, 6, 3, 1)  # of the generator's width, from 8 x 8 pixels to full size
CODE = 64
STYLE = 42 + 8 + 8  # statistics and their flags, turns, random code
SPADE_WIDTH = 32
OCTAVES = 6
MAPS = 4  # of noise
WEIGHTS = {"pixel": 1.0, "texture": 1.0, "features": 1.0, "mean_tone": 1.0, "style": 10.0}


def sum_around(values: torch.Tensor) -> torch.Tensor:
    kernel = torch.tensor([[1.0, 2.0, 1.0], [2.0, 0.0, 2.0], [1.0, 2.0, 1.0]], device=values.device)
    return functional.conv2d(values, kernel[None, None], padding=1)


def flow_of_ice(mask: torch.Tensor) -> torch.Tensor:
    """Float [N, 4, H, W] -> [N, 2, H / 4, W / 4], rows and columns."""
    potential = torch.zeros(len(mask), 1, 1, 1, device=mask.device)
    for halvings in (5, 4, 3, 2):
        shares = functional.avg_pool2d(mask, 2**halvings)
        ocean = shares[:, 3:]
        passable = shares[:, 2:3] + ocean + 1e-3
        around, on_land = 1 / sum_around(passable), (ocean < 0.5).float()
        potential = 4 * functional.interpolate(potential, ocean.shape[2:], mode="bilinear")
        for _ in range(16):
            potential = on_land * (sum_around(passable * potential) * around + 1)
    padded = functional.pad(potential, (1, 1, 1, 1), mode="replicate")
    slope = torch.cat(
        [padded[:, :, :-2, 1:-1] - padded[:, :, 2:, 1:-1], padded[:, :, 1:-1, :-2] - padded[:, :, 1:-1, 2:]], 1
    )
    return slope * torch.rsqrt(slope.square().sum(1, keepdim=True) + 1)


def streaks(mask: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Float [N, 4, H, W], [N, 1, H, W] -> [N, 2, H / 2, W / 2]."""
    fine = 2 * functional.avg_pool2d(noise, 2)
    coarse = functional.interpolate(2 * functional.avg_pool2d(fine, 2), scale_factor=2, mode="bilinear")
    flow = functional.interpolate(flow_of_ice(mask), scale_factor=2, mode="bilinear")
    height, width = flow.shape[2:]
    rows, columns = torch.arange(height, device=mask.device), torch.arange(width, device=mask.device)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij")).float()[None]
    drawn, way = torch.cat([fine, coarse], 1), -flow
    for _ in range(6):
        place = torch.stack([(grid + way)[:, 1] * 2 / (width - 1) - 1, (grid + way)[:, 0] * 2 / (height - 1) - 1], -1)
        further = functional.grid_sample(torch.cat([drawn, way], 1), place, padding_mode="border", align_corners=True)
        drawn, way = (drawn + further[:, :2]) / 2, way + further[:, 2:]
    energy = functional.avg_pool2d(drawn.square(), 16, 8, padding=4, count_include_pad=False)
    energy = functional.interpolate(energy, size=(height, width), mode="bilinear")
    ice = functional.avg_pool2d(mask[:, 2:3], 2) * flow.norm(dim=1, keepdim=True)
    return ice * drawn * torch.rsqrt(energy + 1e-6)


def mirrored(channels: int, filters: int) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, 3, padding=1, padding_mode="replicate")


class Spade(nn.Module):
    def __init__(self, filters: int):
        super().__init__()
        self.normalise = nn.InstanceNorm2d(filters)
        self.scale, self.shift = (nn.Conv2d(SPADE_WIDTH, filters, 1) for _ in range(2))

    def forward(self, x, hidden, mask, code):
        return self.normalise(x) * self.scale(hidden) + self.shift(hidden)


class ByClass(nn.Module):
    def __init__(self, filters: int):
        super().__init__()
        self.scale, self.shift = (nn.Linear(CODE, ZONES * filters) for _ in range(2))

    def forward(self, x, hidden, mask, code):
        flat = mask.flatten(2).transpose(1, 2)  # [N, pixels, classes]
        scale, shift = (
            torch.bmm(flat.to(x.dtype), table(code).view(len(x), ZONES, -1).to(x.dtype))
            .transpose(1, 2)
            .reshape(len(x), -1, *x.shape[2:])
            for table in (self.scale, self.shift)
        )
        return x * scale + shift


class Residual(nn.Module):
    def __init__(self, filters: int, further: int, spade: bool, maps: int):
        super().__init__()
        self.further = further
        self.look = nn.Conv2d(ZONES, SPADE_WIDTH, 3, padding=1, padding_mode="replicate") if spade else None
        self.of_style = nn.Linear(CODE, SPADE_WIDTH) if spade else None
        self.modulate = nn.ModuleList([(Spade if spade else ByClass)(filters) for _ in range(2)])
        self.strengths = nn.ParameterList([0.1 * torch.randn(filters, maps) for _ in range(2)])
        self.first = mirrored(filters, filters)
        self.second = mirrored(filters, further) if further else None
        self.shortcut = nn.Conv2d(filters, further, 1, bias=False) if further not in (0, filters) else nn.Identity()

    def forward(self, x, mask, code, noises):
        hidden = None
        if self.look is not None and self.of_style is not None:
            hidden = functional.relu(self.look(mask) + self.of_style(code)[:, :, None, None])
        y = x
        for convolve, modulate, strength, noise in zip(
            (self.first, self.second), self.modulate, self.strengths, noises, strict=True
        ):
            y = y + functional.conv2d(noise.to(y.dtype), strength.to(y.dtype)[:, :, None, None])
            y = functional.leaky_relu(modulate(y, hidden, mask, code), 0.2)
            if convolve is not None:
                y = convolve(y)
        return (self.shortcut(x) + y) * 2**-0.5 if self.further else y


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [factor * WIDTH for factor in FACTORS]
        self.code = nn.Sequential(nn.Linear(STYLE, CODE), nn.LeakyReLU(0.2), nn.Linear(CODE, CODE), nn.LeakyReLU(0.2))
        self.first, self.of_style = mirrored(ZONES, widths[0]), nn.Linear(CODE, widths[0])
        self.blocks = nn.ModuleList(
            [
                Residual(one, other, level < 4, 1 if level < 3 else 3)
                for level, (one, other) in enumerate(itertools.pairwise([*widths, 0]))
            ]
        )
        self.tone, self.strength = mirrored(widths[-1], 1), nn.Linear(CODE, ZONES)

    def forward(self, mask, style, noise):
        masks = [mask]
        for _ in FACTORS[1:]:
            masks.append(functional.avg_pool2d(masks[-1], 2))
        code = self.code(style)
        with torch.autocast(mask.device.type, enabled=False):  # as ours, in float32
            halved = streaks(mask.float(), noise[:, 3:].float())
        along = {  # by the side of a pixel
            1: functional.interpolate(halved, scale_factor=2, mode="bilinear"),
            2: halved,
            4: functional.avg_pool2d(halved, 2),
        }
        x = self.first(masks[-1]) + self.of_style(code)[:, :, None, None]
        for level, block in enumerate(self.blocks):
            side = 2 ** (len(FACTORS) - 1 - level)
            x = functional.interpolate(x, scale_factor=2, mode="bilinear") if level else x
            noises = [functional.avg_pool2d(noise[:, n : n + 1], side) * side for n in (0, 1)]
            if side <= 4:
                noises = [torch.cat([one, along[side]], 1) for one in noises]
            x = block(x, masks[-1 - level], code, noises)
        strength = (mask * self.strength(code)[:, :, None, None]).sum(1, keepdim=True)
        return torch.tanh((self.tone(x) + strength * noise[:, 2:3]).float())


def halve(channels: int, filters: int, kernel: int, strides: int = 2, norm: bool = False) -> nn.Module:
    return Spectral(nn.Conv2d(channels, filters, kernel, strides, padding=(kernel - 1) // 2), norm)


class Spectral(nn.Module):
    def __init__(self, convolve: nn.Conv2d, norm: bool):
        super().__init__()
        self.convolve = spectral_norm(convolve)
        self.normalise = nn.InstanceNorm2d(convolve.out_channels) if norm else nn.Identity()

    def forward(self, x):
        return functional.leaky_relu(self.normalise(1.4 * self.convolve(x)), 0.2)  # but for the bias, as ours


class PixelDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        d = WIDTH
        self.down = nn.ModuleList(
            [
                nn.Sequential(halve(1, d, 5), halve(d, d, 3, 1)),
                nn.Sequential(halve(d, 2 * d, 4), halve(2 * d, 2 * d, 3, 1)),
                halve(2 * d, 6 * d, 4),
                halve(6 * d, 8 * d, 4),
                halve(8 * d, 8 * d, 4),
            ]
        )
        came_in, made = (16 * d, 14 * d, 6 * d, 3 * d), (8 * d, 4 * d, 2 * d, d)
        self.up = nn.ModuleList([halve(i, o, 3, 1) for i, o in zip(came_in, made, strict=True)])
        self.last = nn.Sequential(nn.Conv2d(d, 4 * (ZONES + 1), 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x):
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2, mode="bilinear"), skip], dim=1))
        return self.last(x).float(), skips[2:]


class TextureDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        d = WIDTH
        self.shallow = nn.Sequential(halve(1 + ZONES, d, 4), halve(d, 2 * d, 4, norm=True))
        self.deep = nn.Sequential(
            halve(2 * d, 4 * d, 4, norm=True), halve(4 * d, 8 * d, 4, norm=True), halve(8 * d, 8 * d, 3, 1, norm=True)
        )
        self.scores = nn.ModuleList([nn.Conv2d(2 * d, 1, 3, padding=1), nn.Conv2d(8 * d, 1, 3, padding=1)])

    def forward(self, image, mask):
        shallow = self.shallow(torch.cat([image, mask], dim=1))
        return [one(x).float() for one, x in zip(self.scores, (shallow, self.deep(shallow)), strict=True)]


def measure(tone, zones):
    """Brightness and texture by zone and octave, with the flags of those that are present."""
    counts = zones.sum((2, 3))
    values, present = [(zones * tone).sum((2, 3)) / (counts + 1)], [counts > 0.005 * tone[0].numel()]
    for octave in range(OCTAVES):
        coarse = functional.avg_pool2d(tone, 2)
        pure = (zones > 0.99).float()
        counts = pure.sum((2, 3))
        away = (tone - functional.interpolate(coarse, scale_factor=2)).square()
        values.append(2 * ((pure * away).sum((2, 3)) / (counts + 0.5) + 1e-5).sqrt())
        present.append(counts > 0.005 * tone[0].numel() / 4**octave)
        tone, zones = coarse, functional.avg_pool2d(zones, 2)
    flags = torch.cat(present, 1).float()
    return torch.cat(values, 1) * flags, flags


def losses(networks, mask, real, style):
    """Both losses of a step, from one pass of the generator and one of each discriminator."""
    generator, pixels, texture = networks
    noise = torch.randn(len(mask), MAPS, *mask.shape[2:], device=mask.device)
    fake = generator(mask, style, noise)
    images = torch.cat([real, fake])
    logits, features = pixels(images)
    real_logits, fake_logits = logits.chunk(2)
    scores = [one.chunk(2) for one in texture(images, torch.cat([mask, mask]))]
    shares = mask.mean((0, 2, 3), keepdim=True)
    balance = (mask * (shares > 0) / (shares.clamp(min=0.02) * (shares > 0).sum())).sum(1)
    classes = mask.argmax(1)
    statistics, flags = measure(real, mask[:, 1:])
    parts = {
        "pixel": (functional.cross_entropy(fake_logits, classes, reduction="none") * balance).mean(),
        "texture": -sum(fake_scores.mean() for _, fake_scores in scores) / 2,
        "features": sum(
            functional.l1_loss(one.chunk(2)[1].float(), one.chunk(2)[0].detach().float()) for one in features
        )
        / len(features),
        "mean_tone": functional.l1_loss(functional.avg_pool2d(fake, 8), functional.avg_pool2d(real, 8)),
        "style": ((measure(fake, mask[:, 1:])[0] - statistics).abs() * flags).sum() / (flags.sum() + 1),
    }
    generator_loss = sum(WEIGHTS[name] * part for name, part in parts.items())
    pixel_loss = (functional.cross_entropy(real_logits, classes, reduction="none") * balance).mean()
    pixel_loss = pixel_loss - functional.log_softmax(fake_logits, 1)[:, -1].mean()
    hinge = sum(functional.relu(1 - one).mean() + functional.relu(1 + other).mean() for one, other in scores) / 2
    return generator_loss, pixel_loss + hinge
