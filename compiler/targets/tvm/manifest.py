# SPDX-License-Identifier: Apache-2.0
"""``NAME.json``: what a compiled network was made of, and how."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from intaglio.compiler.targets.tvm.compiled_network import Network
from intaglio.compiler.targets.tvm.interface import Interface, Port


def manifest(name: str, networks: Sequence[Network], found: Interface, threads: int) -> Any:
    """Versions, machine, threads, memory, ports, and the form of each kernel.

    Args:
        name: the prefix of every symbol.
        networks: one; or several that hold the same graph for more and more of a processor's
            instructions, where the plainest stands for all of them and the rest are ``variants``.
        found: the ports.
        threads: that share the work of a call.
    """
    plainest = networks[-1]
    live = max(network.plan.live for network in networks)
    stated = {
        "name": name,
        "graph": plainest.graph.name,
        "profile": plainest.graph.profile,
        "versions": {
            package: version(package) for package in ("intaglio", "apache-tvm", "apache-tvm-ffi")
        },
        "machine": {
            "triple": plainest.machine.triple,
            "cpu": plainest.machine.cpu,
            "instructions": plainest.machine.instructions.value,
        },
        "threads": threads,
        "arena": {"bytes": arena(networks), "most_live_bytes": live},
        "constants": {"bytes": sum(network.constants for network in networks)},
        "inputs": [_port(port) for port in found.inputs],
        "outputs": [_port(port) for port in found.outputs],
        "kernels": _kernels(plainest),
    }
    if len(networks) > 1:
        stated["variants"] = [_variant(network) for network in networks]
    return stated


def arena(networks: Sequence[Network]) -> int:
    """Bytes of memory that a call of any of them needs."""
    return max(network.plan.size for network in networks)


def _variant(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "instructions": network.machine.instructions.value,
        "arena": {"bytes": network.plan.size, "most_live_bytes": network.plan.live},
        "constants": {"bytes": network.constants},
        "kernels": _kernels(network),
    }


def _kernels(network: Network) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "ops": each.ops, "form": each.form, "functions": each.functions}
        for each in network.forms
    ]


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.source,
        "type": str(port.type.element),
        "shape": list(port.type.shape),
        "scale": None if port.scale is None else port.scale.value,
        "zero_point": port.zero_point,
    }
