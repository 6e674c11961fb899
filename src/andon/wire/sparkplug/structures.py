"""Property sets, data sets and templates: between the generated protobuf classes and the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from andon.wire.sparkplug import sparkplug_b_pb2 as pb
from andon.wire.sparkplug.datatypes import DataType, read_text, read_value, write_value
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.model import DataSet, Metric, Parameter, Properties, Property, Template


def read_properties(source: pb.Payload.PropertySet) -> Properties:
    """A property set; PayloadError when keys and values differ in number."""
    if len(source.keys) != len(source.values):
        raise PayloadError(f"property set has {len(source.keys)} keys and {len(source.values)} values")
    return {read_text(key): _read_property(value) for key, value in zip(source.keys, source.values, strict=True)}


def _read_property(source: pb.Payload.PropertyValue) -> Property:
    field = source.WhichOneof("value")
    if source.is_null or field is None:
        return Property(source.type, None)
    if field == "propertyset_value":
        return Property(source.type, read_properties(source.propertyset_value))
    if field == "propertysets_value":
        return Property(source.type, [read_properties(one) for one in source.propertysets_value.propertyset])
    return Property(source.type, read_value(source.type, field, getattr(source, field)))


def write_properties(target: pb.Payload.PropertySet, properties: Mapping[str, Property]) -> None:
    """Fill a property set."""
    for key, value in properties.items():
        target.keys.append(key)
        _write_property(target.values.add(type=value.datatype), value)


def _write_property(target: pb.Payload.PropertyValue, source: Property) -> None:
    if source.value is None:
        target.is_null = True
    elif source.datatype == DataType.PROPERTYSET:
        target.propertyset_value.SetInParent()
        write_properties(target.propertyset_value, source.value)
    elif source.datatype == DataType.PROPERTYSETLIST:
        target.propertysets_value.SetInParent()
        for one in source.value:
            write_properties(target.propertysets_value.propertyset.add(), one)
    else:
        field, raw = write_value(DataType(source.datatype), source.value)
        setattr(target, field, raw)


def read_dataset(source: pb.Payload.DataSet) -> DataSet:
    """A table; PayloadError when columns, types and rows do not agree."""
    columns, types = [read_text(column) for column in source.columns], list(source.types)
    width = source.num_of_columns if source.HasField("num_of_columns") else len(columns)
    if not len(columns) == len(types) == width:
        raise PayloadError(f"data set has {width} columns, {len(columns)} names and {len(types)} types")
    rows = []
    for row in source.rows:
        if len(row.elements) != width:
            raise PayloadError(f"data set row has {len(row.elements)} of {width} elements")
        rows.append([_read_cell(kind, cell) for kind, cell in zip(types, row.elements, strict=True)])
    return DataSet(columns, types, rows)


def _read_cell(datatype: int, cell: pb.Payload.DataSet.DataSetValue) -> Any:
    field = cell.WhichOneof("value")
    return None if field is None else read_value(datatype, field, getattr(cell, field))


def write_dataset(target: pb.Payload.DataSet, source: DataSet) -> None:
    """Fill a data set; PayloadError when columns, types and rows do not agree."""
    if len(source.columns) != len(source.types):
        raise PayloadError(f"data set has {len(source.columns)} columns and {len(source.types)} types")
    target.num_of_columns = len(source.columns)
    target.columns.extend(source.columns)
    target.types.extend(source.types)
    for values in source.rows:
        if len(values) != len(source.columns):
            raise PayloadError(f"data set row has {len(values)} of {len(source.columns)} elements")
        row = target.rows.add()
        for datatype, value in zip(source.types, values, strict=True):
            cell = row.elements.add()
            if value is not None:
                field, raw = write_value(DataType(datatype), value)
                setattr(cell, field, raw)


def read_template(source: pb.Payload.Template, read_metric: Callable[[pb.Payload.Metric], Metric]) -> Template:
    """A template definition or instance."""
    return Template(
        [read_metric(metric) for metric in source.metrics],
        [_read_parameter(parameter) for parameter in source.parameters],
        read_text(source.template_ref) if source.HasField("template_ref") else None,
        read_text(source.version) if source.HasField("version") else None,
        source.is_definition,
    )


def _read_parameter(source: pb.Payload.Template.Parameter) -> Parameter:
    field = source.WhichOneof("value")
    value = None if field is None else read_value(source.type, field, getattr(source, field))
    return Parameter(read_text(source.name), source.type, value)


def write_template(
    target: pb.Payload.Template, source: Template, write_metric: Callable[[pb.Payload.Metric, Metric], None]
) -> None:
    """Fill a template. PayloadError when an instance names no definition, or a definition names one."""
    if source.is_definition == (source.reference is not None):
        raise PayloadError("a template instance names its definition (reference); a definition names none")
    target.is_definition = source.is_definition
    if source.reference is not None:
        target.template_ref = source.reference
    if source.version is not None:
        target.version = source.version
    for metric in source.metrics:
        write_metric(target.metrics.add(), metric)
    for parameter in source.parameters:
        written = target.parameters.add(name=parameter.name, type=parameter.datatype)
        if parameter.value is not None:
            field, raw = write_value(DataType(parameter.datatype), parameter.value)
            setattr(written, field, raw)
