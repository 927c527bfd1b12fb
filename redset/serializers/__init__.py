"""Ready-made serializers, one class per format. None of them has to be used.

A set takes anything that has ``dumps`` and ``loads`` (see
`redset.interfaces.Serializer`); the modules `json` and `pickle` will do. What these
classes add is a canonical form: **an item's identity is its bytes**, so only a
serializer that gives equal items equal bytes can keep a set free of duplicates.

=======================  ==========================  =========  =====================
serializer               items                       canonical  extra
=======================  ==========================  =========  =====================
`StringSerializer`       text (the default)          yes
`JSONSerializer`         what JSON can hold          yes
`MsgpackSerializer`      that, bytes and datetimes   yes        ``redset[msgpack]``
`DataclassSerializer`    one dataclass, validated    yes        ``redset[dataclass]``
`NamedtupleSerializer`   one namedtuple              mostly
`PickleSerializer`       nearly any object           **no**
`SignedSerializer`       those of any other          as that
=======================  ==========================  =========  =====================

Equal means equal in type, too: 1, 1.0 and True are three members. All of these
objects may be shared between threads.
"""

from redset.serializers._dataclass import DataclassSerializer
from redset.serializers._json import JSONSerializer, JSONValue
from redset.serializers._msgpack import MsgpackSerializer, MsgpackValue
from redset.serializers._namedtuple import NamedtupleSerializer
from redset.serializers._pickle import PICKLE_PROTOCOL, PickleSerializer
from redset.serializers._signed import SignedSerializer
from redset.serializers._string import StringSerializer

__all__ = [
    "PICKLE_PROTOCOL",
    "DataclassSerializer",
    "JSONSerializer",
    "JSONValue",
    "MsgpackSerializer",
    "MsgpackValue",
    "NamedtupleSerializer",
    "PickleSerializer",
    "SignedSerializer",
    "StringSerializer",
]
