"""
Occupational descriptions and their codes: the target formats, the alphabet of the encoder, the datasets.

Symbols of a target: unknown 0, padding 1, beginning 2, end 3, separator 4, characters from 5 on.
"""

import csv
import random
import string

import torch
from torch.utils.data import Dataset

UNK_IDX, PAD_IDX, BOS_IDX, EOS_IDX, SEP_IDX = range(5)
FIRST_CHARACTER = 5

# ----------------------------------------------------------------------------------------------------------------------
# targets

class BlockFormatter:
    """ codes of at most code_len characters as blocks of tokens """

    def __init__(self, characters, code_len, max_num_codes):
        self.characters = characters
        self.code_len = code_len
        self.max_num_codes = max_num_codes
        self.char_idx = {character: FIRST_CHARACTER + number for number, character in enumerate(characters)}

    @property
    def vocab_size(self):
        return FIRST_CHARACTER + len(self.characters)

    def sanitize(self, code):
        return code

    def block(self, code):
        tokens = [self.char_idx.get(character, UNK_IDX) for character in self.sanitize(code)]
        assert len(tokens) <= self.code_len, f"code {code!r} is longer than {self.code_len}"
        return tokens + [EOS_IDX] * (self.code_len - len(tokens))

    def transform_label(self, codes):
        """ BOS, the blocks, EOS """
        assert len(codes) <= self.max_num_codes, f"{len(codes)} codes, at most {self.max_num_codes}"
        tokens = [token for code in codes for token in self.block(code)]
        tokens += [PAD_IDX] * (self.code_len * self.max_num_codes - len(tokens))
        return [BOS_IDX] + tokens + [EOS_IDX]

class HiscoFormatter(BlockFormatter):
    """ five digits; spreadsheets drop leading zeros """

    def __init__(self, max_num_codes):
        super().__init__(string.digits, 5, max_num_codes)
        self.block_size = self.code_len

    def sanitize(self, code):
        return code.zfill(self.code_len)

class Occ1950Formatter(BlockFormatter):
    """ three digits """

    def __init__(self, max_num_codes):
        super().__init__(string.digits, 3, max_num_codes)

    def sanitize(self, code):
        return code.zfill(self.code_len)

class GeneralPurposeFormatter(BlockFormatter):
    """ whatever characters and lengths the codes have """

    def __init__(self, codes, max_num_codes):
        super().__init__(sorted(set(''.join(codes))), max(len(code) for code in codes), max_num_codes)
        self.block_size = self.code_len

def make_formatter(name, codes, max_num_codes):
    if name == 'hisco':
        return HiscoFormatter(max_num_codes)
    if name == 'occ1950':
        return Occ1950Formatter(max_num_codes)
    assert name == 'gpf', f"formatter {name!r}, expected 'gpf', 'hisco' or 'occ1950'"
    return GeneralPurposeFormatter(codes, max_num_codes)

# ----------------------------------------------------------------------------------------------------------------------
# files

def read_rows(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))

def write_rows(path, rows):
    with open(path, 'w', newline='') as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

def codes_of(row, target_cols):
    """ the codes of a row, in the order of the columns; empty cells are no codes """
    return [row[column] for column in target_cols if row[column] != '']

def map_code_label(rows, target_cols):
    """ code -> label, in order of first appearance, column by column """
    key = {}
    for column in target_cols:
        for row in rows:
            if row[column] != '':
                key.setdefault(row[column], len(key))
    return key

# ----------------------------------------------------------------------------------------------------------------------
# inputs

class HashTokenizer:
    """ characters to 49 ids, 0 is padding; stands in for the code points of CANINE """

    def __init__(self, max_len):
        self.max_len = max_len

    def __call__(self, text):
        ids = [1 + ord(character) * 31 % 49 for character in text][:self.max_len]
        return ids + [0] * (self.max_len - len(ids)), [1] * len(ids) + [0] * (self.max_len - len(ids))

class CanineTokenizer:
    """ code points between the marks of the beginning and the end, as CANINE wants them """

    def __init__(self, max_len):
        self.max_len = max_len

    def __call__(self, text):
        ids = [0xE000] + [ord(character) for character in text][:self.max_len - 2] + [0xE001]
        return ids + [0] * (self.max_len - len(ids)), [1] * len(ids) + [0] * (self.max_len - len(ids))

def attack(text, num_transformations):
    """ replace, drop or double that many characters """
    for _ in range(num_transformations):
        if not text:
            break
        place = random.randrange(len(text))
        kind = random.randrange(3)
        if kind == 0:
            text = text[:place] + random.choice(string.ascii_lowercase) + text[place + 1:]
        elif kind == 1:
            text = text[:place] + text[place + 1:]
        else:
            text = text[:place] + text[place] + text[place:]
    return text

class OccDataset(Dataset):
    """ input ids, attention mask, and both targets: the tokens of the decoder and the labels of the linear head """

    def __init__(self, rows, input_col, target_cols, language_col, key, tokenizer, formatter=None, training=False,
                 augmentation_prob=0.0, num_transformations=0, unk_lang_prob=0.0):
        self.rows = rows
        self.input_col = input_col
        self.target_cols = target_cols
        self.language_col = language_col
        self.key = key
        self.tokenizer = tokenizer
        self.formatter = formatter
        self.training = training
        self.augmentation_prob = augmentation_prob
        self.num_transformations = num_transformations
        self.unk_lang_prob = unk_lang_prob

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = self.rows[index]
        text, language = row[self.input_col], row.get(self.language_col) or 'unk'
        if self.training:
            if self.augmentation_prob > 0 and random.random() < self.augmentation_prob:
                text = attack(text, self.num_transformations)
            if self.unk_lang_prob > 0 and random.random() < self.unk_lang_prob:
                language = 'unk'
        input_ids, attention_mask = self.tokenizer(language + '[SEP]' + text)
        codes = codes_of(row, self.target_cols)
        targets_linear = torch.zeros(len(self.key))
        for code in codes:
            if code in self.key: # codes of the validation data may be unknown
                targets_linear[self.key[code]] = 1.0
        item = {
            'input_ids': torch.tensor(input_ids),
            'attention_mask': torch.tensor(attention_mask),
            'targets_linear': targets_linear,
        }
        if self.formatter is not None:
            item['targets_seq2seq'] = torch.tensor(self.formatter.transform_label(codes))
        return item
