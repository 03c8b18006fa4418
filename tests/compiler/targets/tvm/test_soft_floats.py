# SPDX-License-Identifier: Apache-2.0
"""Functions without floats aren't told of soft ones; all others are left alone."""

from intaglio.compiler.targets.tvm.soft_floats import only_where_floats_are

HELIUM = """
define internal void @integers(ptr %a) #0 {
entry:

  store i32 1, ptr %a
  ret void
}

define void @floats(ptr %a) local_unnamed_addr #0 {
entry:
  %v = load float, ptr %a
  ret void
}

define void @other(ptr %a) #1 {
  ret void
}

attributes #0 = { nounwind "target-features"="+mve,+soft-float,-vfp2sp" }
attributes #1 = { nounwind }
"""


def test_functions_of_integers_lose_the_feature() -> None:
    text = only_where_floats_are(HELIUM)
    assert "@integers(ptr %a) #10000 {" in text
    assert "@floats(ptr %a) local_unnamed_addr #0 {" in text
    assert "@other(ptr %a) #1 {" in text
    assert 'attributes #10000 = { nounwind "target-features"="+mve,-vfp2sp" }' in text
    assert 'attributes #0 = { nounwind "target-features"="+mve,+soft-float,-vfp2sp" }' in text


def test_other_processors_keep_their_text() -> None:
    text = HELIUM.replace("+mve,", "")
    assert only_where_floats_are(text) == text
