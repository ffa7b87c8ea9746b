"""Where the slices of a series lie in the patient (PS3.3 C.7.6.2): millimetres, x to the left, y to the back, z up."""

from __future__ import annotations

from extract.synthetic.entities import Nodule
from extract.synthetic.protocols import Plane, Protocol

#: ImageOrientationPatient: direction of the rows, then of the columns.
ORIENTATION: dict[Plane, tuple[int, int, int, int, int, int]] = {
    "axial": (1, 0, 0, 0, 1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
}


def centre(protocol: Protocol, nodule: Nodule) -> tuple[float, float, float]:
    """The point a series is centred on: chest series on the level of the lesion, all others on the origin."""
    if not protocol.look.startswith("chest"):
        return (0.0, 0.0, 0.0)
    return (0.0, 0.0, nodule.z) if protocol.plane == "axial" else (0.0, nodule.y, nodule.z)


def position(protocol: Protocol, nodule: Nodule, index: int, slices: int) -> tuple[float, float, float]:
    """ImagePositionPatient: the centre of the first pixel of slice ``index`` of ``slices``."""
    if protocol.grid:
        return protocol.grid.position(index)
    x, y, z = centre(protocol, nodule)
    across = protocol.pixel_spacing * (protocol.columns - 1) / 2
    down = protocol.pixel_spacing * (protocol.rows - 1) / 2
    along = protocol.step * (index - slices // 2)
    if protocol.plane == "axial":
        corner = (x - across, y - down, z + along)
    elif protocol.plane == "coronal":
        corner = (x - across, y + along, z + down)
    else:
        corner = (x + along, y - across, z + down)
    return (round(corner[0], 4), round(corner[1], 4), round(corner[2], 4))


def lesion(protocol: Protocol, nodule: Nodule, index: int, slices: int) -> list[int]:
    """Offsets (row * columns + column) of the pixels of slice ``index`` whose centre lies within the nodule."""
    x, y, z = position(protocol, nodule, index, slices)
    through = {"axial": z - nodule.z, "coronal": y - nodule.y, "sagittal": x - nodule.x}[protocol.plane]
    inside: list[int] = []
    if abs(through) > nodule.radius:
        return inside
    for row in range(protocol.rows):
        for column in range(protocol.columns):
            across, down = column * protocol.pixel_spacing, row * protocol.pixel_spacing
            if protocol.plane == "axial":
                point = (x + across, y + down, z)
            elif protocol.plane == "coronal":
                point = (x + across, y, z - down)
            else:
                point = (x, y + across, z - down)
            distance = (point[0] - nodule.x) ** 2 + (point[1] - nodule.y) ** 2 + (point[2] - nodule.z) ** 2
            if distance <= nodule.radius**2:
                inside.append(row * protocol.columns + column)
    return inside
