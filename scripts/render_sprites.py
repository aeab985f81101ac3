#!/usr/bin/python3
"""Renders the digits of installed fonts into sheets as in data/fontdigits: render_sprites.py FOLDER

What it needs, scripts/setup.sh render installs. FOLDER gets train-V-D.png (digit D under the random map V of each
training face) and eval-D.png (the four maps of faces of other families, one after the other), which programs read with
--data FOLDER, and sprites.json, which names the faces. Equal fonts, seed and Pillow give equal files."""
import argparse
import collections
import json
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

try:
    import PIL
    from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat
except ImportError:
    sys.exit("render_sprites.py: needs Pillow for this Python; scripts/setup.sh render installs it for /usr/bin/python3")

DIGITS = "0123456789"
MAPS = 4
CANVAS, INK, SIDE = 128, 88, 32  # pixels: where digits are moved, the largest digit of a face there, a sprite
ROTATION, SCALE, ASPECT, SHEAR, SHIFT = 12, (0.82, 1.12), (0.92, 1.08), 0.12, 8
NO_DIGITS = re.compile(r"symbol|emoji|music|dingbat|wingdings|d050000l|ornament|\bicons?\b|awesome|barcode|braille",
                       re.IGNORECASE)
SAME = 1  # digits that differ by less of 255 grey levels, on average over the upright sprites, are the same

Face = collections.namedtuple("Face", "family style file index")


def known_faces(folder):
    """The scalable text faces with digits that fontconfig finds in a folder, or None for wherever the system has them."""
    pattern = ":scalable=true:color=false:symbol=false:variable=false:charset=30-39"
    form = "%{family[0]}\t%{style[0]}\t%{file}\t%{index}\n"
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "LC_ALL": "C"}
        if folder:
            config = pathlib.Path(scratch) / "fonts.conf"
            escaped = str(folder.resolve()).replace("&", "&amp;").replace("<", "&lt;")
            config.write_text(f"<fontconfig><dir>{escaped}</dir><cachedir>{scratch}</cachedir></fontconfig>")
            environment["FONTCONFIG_FILE"] = str(config)
        try:
            listed = subprocess.run(["fc-list", "--format", form, pattern], env=environment, check=True, text=True,
                                    stdout=subprocess.PIPE).stdout
        except FileNotFoundError:
            sys.exit("render_sprites.py: needs fc-list of fontconfig, which scripts/setup.sh render installs")
    faces = [Face(*line.split("\t")) for line in listed.splitlines()]
    faces.sort(key=lambda face: (face.family, face.style, os.path.basename(face.file), face.index, face.file))
    return [face for face in faces if not NO_DIGITS.search(face.family)]


def ink_of(font, digit):
    """What a digit leaves on black, with a border of two pixels; None if nothing."""
    left, top, right, bottom = font.getbbox(digit)
    image = Image.new("L", (right - left + 8, bottom - top + 8))
    ImageDraw.Draw(image).text((4 - left, 4 - top), digit, fill=255, font=font)
    box = image.getbbox()
    return image.crop((box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2)) if box else None


def largest(inks):
    """The height of the tallest or the width of the widest."""
    return max(max(ink.size) for ink in inks) - 4


class Glyphs:
    """The ten digits of a face as ink of nearly the size in which they are used, and as upright sprites."""

    def __init__(self, face):
        """Throws ValueError if the digits are no ten different pictures, OSError if FreeType cannot read the face."""
        size = 100
        for _ in range(2):
            font = ImageFont.truetype(face.file, size, int(face.index), layout_engine=ImageFont.Layout.BASIC)
            self.inks = [ink_of(font, digit) for digit in DIGITS]
            if None in self.inks or len({(ink.size, ink.tobytes()) for ink in self.inks}) < len(DIGITS):
                raise ValueError("blank or equal digits")
            size = max(1, round(size * INK / largest(self.inks)))
        self.face, self.scale = face, INK / largest(self.inks)
        self.upright = Image.new("L", (SIDE * len(DIGITS), SIDE))
        for k in range(len(DIGITS)):
            self.upright.paste(self.moved(k, (1, 0, 0, 1), (0, 0)), (k * SIDE, 0))
        self.mean = ImageStat.Stat(self.upright).mean[0]

    def same_as(self, other):
        if abs(self.mean - other.mean) >= SAME:  # a lower bound of the mean difference
            return False
        return ImageStat.Stat(ImageChops.difference(self.upright, other.upright)).mean[0] < SAME

    def moved(self, digit, matrix, shift):
        """A sprite under the map p -> matrix p + shift, both sides measured from the middle of the canvas."""
        ink = self.inks[digit]
        a, b, c, d = (self.scale * entry for entry in matrix)
        determinant = a * d - b * c
        inverse = (d / determinant, -b / determinant, -c / determinant, a / determinant)
        x, y = CANVAS / 2 + shift[0], CANVAS / 2 + shift[1]
        to_ink = (inverse[0], inverse[1], ink.width / 2 - inverse[0] * x - inverse[1] * y,
                  inverse[2], inverse[3], ink.height / 2 - inverse[2] * x - inverse[3] * y)
        canvas = ink.transform((CANVAS, CANVAS), Image.Transform.AFFINE, to_ink, Image.Resampling.BICUBIC)
        return canvas.reduce(CANVAS // SIDE)

    def sprite(self, digit, number, seed):
        """The digit under the random map of this number, which depends on no other face: rotation * shear * scale."""
        name = f"{self.face.family}/{self.face.style}/{os.path.basename(self.face.file)}/{self.face.index}"
        draw = random.Random(f"{seed}/{number}/{digit}/{name}").uniform
        angle, scale, aspect = math.radians(draw(-ROTATION, ROTATION)), draw(*SCALE), math.sqrt(draw(*ASPECT))
        shear, cos, sin = draw(-SHEAR, SHEAR), math.cos(angle), math.sin(angle)
        wide, tall = scale * aspect, scale / aspect
        matrix = (cos * wide, (cos * shear - sin) * tall, sin * wide, (sin * shear + cos) * tall)
        return self.moved(digit, matrix, (draw(-SHIFT, SHIFT), draw(-SHIFT, SHIFT)))


def usable(faces):
    """Glyphs by family, of the first of all faces with the same digits. Families that share digits are one."""
    kept, joined = [], {face.family: face.family for face in faces}
    unreadable = equal = 0
    for face in faces:
        try:
            glyphs = Glyphs(face)
        except (OSError, ValueError):
            unreadable += 1
            continue
        twins = [other.face.family for other in kept if glyphs.same_as(other)]
        for family in twins:
            old, new = joined[face.family], joined[family]
            joined = {name: new if to == old else to for name, to in joined.items()}
        if twins:
            equal += 1
        else:
            kept.append(glyphs)
    families = collections.defaultdict(list)
    for glyphs in kept:
        families[joined[glyphs.face.family]].append(glyphs)
    return families, {"blank, with equal digits, or unreadable": unreadable, "with the digits of another face": equal}


def take(families, count):
    """Moves so many faces out: whole families while they fit, then a part of the smallest, whose others are left out."""
    taken = []
    for family in list(families):
        if len(families[family]) <= count - len(taken):
            taken += families.pop(family)
    if len(taken) < count and families:
        smallest = min(families, key=lambda family: len(families[family]))
        taken += families.pop(smallest)[:count - len(taken)]
    return taken


def split(families, options):
    """Faces for training and faces of other families for eval, each in random order."""
    shuffle = random.Random(options.seed).shuffle
    names = sorted(families)
    shuffle(names)
    left = {name: families[name] for name in names}
    faces = sum(map(len, left.values()))
    unseen = take(left, options.eval or max(1, faces // 6))
    rest = sum(map(len, left.values()))
    seen = take(left, options.train or rest // 20 * 20 or rest)
    if len(unseen) < (options.eval or 1) or len(seen) < (options.train or 1):
        sys.exit(f"render_sprites.py: {options.train or 'some'} faces for training and {options.eval or 'some'} of other "
                 f"families for eval were asked for, but of {faces} usable faces in {len(names)} families these are "
                 f"{len(seen)} and {len(unseen)}")
    shuffle(seen)
    shuffle(unseen)
    return seen, unseen


def write_sheet(path, sprites):
    """As square as a full rectangle can be."""
    rows = next(n for n in range(math.isqrt(len(sprites)), 0, -1) if len(sprites) % n == 0)
    columns = len(sprites) // rows
    sheet = Image.new("L", (columns * SIDE, rows * SIDE))
    for k, sprite in enumerate(sprites):
        sheet.paste(sprite, (k % columns * SIDE, k // columns * SIDE))
    sheet.save(path)


def description(seed, seen, unseen, left_out):
    def names(part):
        return [f"{g.face.family}, {g.face.style} ({os.path.basename(g.face.file)})" for g in part]

    return {"seed": seed, "maps": MAPS, "pillow": PIL.__version__, "train": names(seen), "eval": names(unseen),
            "left out": left_out}


def prepare(folder):
    """A folder that can be written and holds no sheets."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        sys.exit(f"render_sprites.py: {folder}: cannot be written: {error.strerror}")
    if any(folder.glob("train-*.png")) or any(folder.glob("eval-*.png")):
        sys.exit(f"render_sprites.py: {folder}: has sheets already; choose another folder")


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, but is {text}")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER", type=pathlib.Path)
    parser.add_argument("--fonts", type=pathlib.Path, help="folder of font files (default: all that fontconfig knows)")
    parser.add_argument("--train", type=positive, help="faces for training (default: what eval leaves, in twenties)")
    parser.add_argument("--eval", type=positive, help="faces of other families (default: a sixth of all)")
    parser.add_argument("--seed", type=int, default=0, help="of the maps, the split and the order (default: 0)")
    options = parser.parse_args()
    if options.fonts and not options.fonts.is_dir():
        sys.exit(f"render_sprites.py: {options.fonts}: there is no such folder")
    prepare(options.folder)
    faces = known_faces(options.fonts)
    if not faces:
        sys.exit(f"render_sprites.py: {options.fonts or 'fontconfig'}: has no scalable font with the digits 0 to 9; "
                 "scripts/setup.sh render installs some")
    families, left_out = usable(faces)
    seen, unseen = split(families, options)
    try:
        for digit in range(len(DIGITS)):
            for number in range(MAPS):
                write_sheet(options.folder / f"train-{number}-{digit}.png",
                            [glyphs.sprite(digit, number, options.seed) for glyphs in seen])
            write_sheet(options.folder / f"eval-{digit}.png",
                        [glyphs.sprite(digit, number, options.seed) for number in range(MAPS) for glyphs in unseen])
        text = json.dumps(description(options.seed, seen, unseen, left_out), indent=1, ensure_ascii=False)
        (options.folder / "sprites.json").write_text(text + "\n")
    except OSError as error:
        sys.exit(f"render_sprites.py: {options.folder}: cannot be written: {error.strerror}")
    print(f"{options.folder}: {len(seen)} faces for training, {len(unseen)} for eval")


if __name__ == "__main__":
    main()
