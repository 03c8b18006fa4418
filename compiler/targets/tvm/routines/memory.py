# SPDX-License-Identifier: Apache-2.0
"""``memcpy`` and ``memset``, weak: a program that has its own keeps them.

In LLVM's text form, after all passes that would see a copy in them and make it a call of itself.
"""

from collections.abc import Callable, Mapping

_COPY = """
define weak ptr @{symbol}(ptr returned %to, ptr %from, i32 %size) nounwind {{
entry:
  %to_address = ptrtoint ptr %to to i32
  %from_address = ptrtoint ptr %from to i32
  %addresses = or i32 %to_address, %from_address
  %low = and i32 %addresses, {mask}
  %unaligned = icmp ne i32 %low, 0
  %few = icmp ult i32 %size, 16
  %bytes_alone = or i1 %unaligned, %few
  br i1 %bytes_alone, label %rest, label %blocks
blocks:
  %left = phi i32 [ %size, %entry ], [ %fewer, %blocks ]
  %source = phi ptr [ %from, %entry ], [ %next_source, %blocks ]
  %place = phi ptr [ %to, %entry ], [ %next_place, %blocks ]
  %source1 = getelementptr i8, ptr %source, i32 4
  %source2 = getelementptr i8, ptr %source, i32 8
  %source3 = getelementptr i8, ptr %source, i32 12
  %word0 = load i32, ptr %source, align {align}
  %word1 = load i32, ptr %source1, align {align}
  %word2 = load i32, ptr %source2, align {align}
  %word3 = load i32, ptr %source3, align {align}
  %place1 = getelementptr i8, ptr %place, i32 4
  %place2 = getelementptr i8, ptr %place, i32 8
  %place3 = getelementptr i8, ptr %place, i32 12
  store i32 %word0, ptr %place, align {align}
  store i32 %word1, ptr %place1, align {align}
  store i32 %word2, ptr %place2, align {align}
  store i32 %word3, ptr %place3, align {align}
  %next_source = getelementptr i8, ptr %source, i32 16
  %next_place = getelementptr i8, ptr %place, i32 16
  %fewer = sub i32 %left, 16
  %more = icmp ugt i32 %fewer, 15
  br i1 %more, label %blocks, label %rest
rest:
  %last = phi i32 [ %size, %entry ], [ %fewer, %blocks ]
  %tail_source = phi ptr [ %from, %entry ], [ %next_source, %blocks ]
  %tail_place = phi ptr [ %to, %entry ], [ %next_place, %blocks ]
  %none = icmp eq i32 %last, 0
  br i1 %none, label %done, label %bytes
bytes:
  %count = phi i32 [ %last, %rest ], [ %less, %bytes ]
  %byte_source = phi ptr [ %tail_source, %rest ], [ %next_byte_source, %bytes ]
  %byte_place = phi ptr [ %tail_place, %rest ], [ %next_byte_place, %bytes ]
  %byte = load i8, ptr %byte_source
  store i8 %byte, ptr %byte_place
  %next_byte_source = getelementptr i8, ptr %byte_source, i32 1
  %next_byte_place = getelementptr i8, ptr %byte_place, i32 1
  %less = sub i32 %count, 1
  %end = icmp eq i32 %less, 0
  br i1 %end, label %done, label %bytes
done:
  ret ptr %to
}}
"""

_FILL = """
define weak ptr @{symbol}(ptr returned %to, i32 %value, i32 %size) nounwind {{
entry:
  %byte = trunc i32 %value to i8
  %one = and i32 %value, 255
  %word = mul i32 %one, 16843009
  %address = ptrtoint ptr %to to i32
  %low = and i32 %address, {mask}
  %unaligned = icmp ne i32 %low, 0
  %few = icmp ult i32 %size, 16
  %bytes_alone = or i1 %unaligned, %few
  br i1 %bytes_alone, label %rest, label %blocks
blocks:
  %left = phi i32 [ %size, %entry ], [ %fewer, %blocks ]
  %place = phi ptr [ %to, %entry ], [ %next_place, %blocks ]
  %place1 = getelementptr i8, ptr %place, i32 4
  %place2 = getelementptr i8, ptr %place, i32 8
  %place3 = getelementptr i8, ptr %place, i32 12
  store i32 %word, ptr %place, align {align}
  store i32 %word, ptr %place1, align {align}
  store i32 %word, ptr %place2, align {align}
  store i32 %word, ptr %place3, align {align}
  %next_place = getelementptr i8, ptr %place, i32 16
  %fewer = sub i32 %left, 16
  %more = icmp ugt i32 %fewer, 15
  br i1 %more, label %blocks, label %rest
rest:
  %last = phi i32 [ %size, %entry ], [ %fewer, %blocks ]
  %tail_place = phi ptr [ %to, %entry ], [ %next_place, %blocks ]
  %none = icmp eq i32 %last, 0
  br i1 %none, label %done, label %bytes
bytes:
  %count = phi i32 [ %last, %rest ], [ %less, %bytes ]
  %byte_place = phi ptr [ %tail_place, %rest ], [ %next_byte_place, %bytes ]
  store i8 %byte, ptr %byte_place
  %next_byte_place = getelementptr i8, ptr %byte_place, i32 1
  %less = sub i32 %count, 1
  %end = icmp eq i32 %less, 0
  br i1 %end, label %done, label %bytes
done:
  ret ptr %to
}}
"""


def _builder(text: str, aligned: bool) -> Callable[[str], str]:
    mask, align = (3, 4) if aligned else (0, 1)
    return lambda symbol: text.format(symbol=symbol, mask=mask, align=align)


def memory(aligned: bool) -> Mapping[str, Callable[[str], str]]:
    """By symbol; ``aligned`` where the processor has no words that begin anywhere."""
    return {"memcpy": _builder(_COPY, aligned), "memset": _builder(_FILL, aligned)}
