"""Hashes of one password, each made by the program named, and none by the library that verifies it here."""

import pytest

from tests.support.hash_sample import Sample as Sample  # noqa: PLC0414 - for those who import the samples
from tests.support.product_hash_samples import PRODUCT_SAMPLES
from tests.support.users import ZOE

PASSWORD = ZOE.password


ARGON2 = [  # argon2-cffi's hash_secret; the salt is "somesalt12345678", or "8bytes.."
    Sample(
        "argon2-cffi, the policy",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$0Jnd68LiO0f6VCda64qYQvSaw8hekKQtILqw2lrmiEc",
        "argon2id",
        "m=19456 t=2 p=1",
        weak=False,
    ),
    Sample(
        "argon2-cffi, the lowest cost that is not weak",
        "$argon2id$v=19$m=7168,t=5,p=1$c29tZXNhbHQxMjM0NTY3OA$J1vemkonYtCj+j9q1wOO17Go3Ly3ihng2XkkI6L+Ylk",
        "argon2id",
        "m=7168 t=5 p=1",
        weak=False,
    ),
    Sample(
        "argon2-cffi, type i",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$R0rE1A53YTMXgprYJnS9weHLyKUXTU8PslvrFSWIIIs",
        "argon2i",
        "m=256 t=2 p=1",
    ),
    Sample(
        "argon2-cffi, type d",
        "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$9zLYYemFLuZSJ3D7bqvXz4sxGx/nFZ6Det9LU59QJCM",
        "argon2d",
        "m=256 t=2 p=1",
    ),
    Sample(
        "argon2-cffi, version 16",
        "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$Qhhz2URXgPBlgTZCN19w1hGX4iquAIzBBwk/5KencgE",
        "argon2i",
        "m=256 t=2 p=1",
    ),
    Sample(
        "argon2-cffi, version 16 in its old format",
        "$argon2i$m=256,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$Qhhz2URXgPBlgTZCN19w1hGX4iquAIzBBwk/5KencgE",
        "argon2i",
        "m=256 t=2 p=1",
    ),
    Sample(
        "argon2-cffi, 16 bytes",
        "$argon2id$v=19$m=256,t=2,p=1$OGJ5dGVzLi4$qPJOqJRuFLZdXqh7azZJzQ",
        "argon2id",
        "m=256 t=2 p=1",
    ),
    Sample(
        "argon2-cffi, 64 bytes",
        "$argon2id$v=19$m=256,t=2,p=1$OGJ5dGVzLi4"
        "$so2NNRx38fcT0tEWJa1oqAeUUXf6h9y7ca8PRyFmbjHGh66GrJ7aXksdV1xySRsfR9OSEkS/Bp8cBAsRyKbU1g",
        "argon2id",
        "m=256 t=2 p=1",
    ),
    Sample(
        "Django 5.2 argon2",
        "argon2$argon2id$v=19$m=256,t=2,p=2$TXlDZVNZNnNYUU5Ja3lqTHFRN3Z6SQ$NeJ7lB4Sxu9WA+OErpDIklMwev3/msXehsmI57Z5jtM",
        "argon2id",
        "m=256 t=2 p=2",
    ),
    Sample(
        "slappasswd, module argon2",
        "{ARGON2}$argon2i$v=19$m=256,t=3,p=1$7hiRG2PZ/VI98pGcpZ+J7Q$tvckKg2bzeSvniL9ymR97IUQkpcPNtlOpCZztTRE4kU",
        "argon2i",
        "m=256 t=3 p=1",
    ),
]

BCRYPT = [
    Sample("bcrypt 5", "$2b$04$xJDxLjeh5PklwcTeBvYqsOC8OPM28qdSMMzkTlg6qTGIqc3WpgX9a", "bcrypt", "cost=4"),
    Sample("bcrypt 5, prefix 2a", "$2a$04$BoXxSJaTeaEC1.FJtqvl2OGpeWkYEtnFCbwB3jLeDrZussIU26WVW", "bcrypt", "cost=4"),
    Sample("htpasswd -B -C 4", "$2y$04$Gx55vLSmQPUeHQ/Ir9hVk.S4jsU3erattdeAUvqOnsAyg1u0OdzVa", "bcrypt", "cost=4"),
    Sample(
        "slappasswd, {CRYPT}",
        "{CRYPT}$2y$04$EWnLG.dMhCCPPOwvVG.7guNQdrSAt4XxYB3zRl/4iYanqtLnTa0um",
        "bcrypt",
        "cost=4",
    ),
    Sample(
        "Django 5.2 bcrypt", "bcrypt$$2b$04$CFUSAp9pOmxtd8plGD2xSeYfBofRQ1oxRFKW2UQfJdpj/Lze/59R6", "bcrypt", "cost=4"
    ),
    Sample(
        "Django 5.2 bcrypt_sha256",
        "bcrypt_sha256$$2b$04$x.xw906HnBH2wbsGvENY3.w6dzYGqiz7McrQiqaMLS1DBzrTxHQSi",
        "bcrypt-sha256",
        "cost=4",
    ),
]

PBKDF2 = [
    Sample(
        "Django 5.2 pbkdf2_sha256",
        "pbkdf2_sha256$2000$Ju8bIRlN1jdqAlFp3VQup7$Y4F2yYho8TOmG4o9SztLNU/xAlM0yAiV6sw47r8T7XM=",
        "pbkdf2-sha256",
        "rounds=2000",
    ),
    Sample(
        "Django 5.2 pbkdf2_sha1",
        "pbkdf2_sha1$2000$eiM9IOexpjRunetZJnP6lw$V4y8S+xFu2hXCc61eKgNdDbKScw=",
        "pbkdf2-sha1",
        "rounds=2000",
    ),
    Sample(
        "Werkzeug 3.1 pbkdf2:sha256",
        "pbkdf2:sha256:2000$97UgHoWLtkWPHdRO$89adb3d3bc603a155e78dfde1bcf5181bdb3ae750283b7388d8778acdecb3d4d",
        "pbkdf2-sha256",
        "rounds=2000",
    ),
    Sample(
        "Werkzeug 3.1 pbkdf2:sha1",
        "pbkdf2:sha1:2000$M3moT1tbtO4pgOIP$20d93ffd6dd0a76e322df78ef6feca1881420160",
        "pbkdf2-sha1",
        "rounds=2000",
    ),
    Sample(
        "Werkzeug 3.1 pbkdf2:sha512",
        "pbkdf2:sha512:2000$Of0XDjIp1gYAwEgy$4b610bb35dbcf29e4fe4ab24d1a7a34c17e3e0bbfb72c426b45775c04efcb3a0"
        "d80dc93febb4d753520706a3cc28edc53c54f1bfad6f0cb7b1290f5d45c9276e",
        "pbkdf2-sha512",
        "rounds=2000",
    ),
]

SCRYPT = [
    Sample(
        "Django 5.2 scrypt",
        "scrypt$1024$G27dfvqKRPLRzGsM5AM6un$8$5"
        "$BFU2i+pmr43G/PSFq37LLMuBs9SifZXoVYAY/TYNiNCrbQuUTKLhzcTsMwWF64pmxTv+A/3xH/IfF9HYRfTILw==",
        "scrypt",
        "N=1024 r=8 p=5",
    ),
    Sample(
        "Werkzeug 3.1 scrypt",
        "scrypt:32768:8:1$Bzs74IpbGkkR59IK$bc88f2e462c62ac06c743e1088d9ab82d3f973b4c11cb2bdb3dd3d8cb89f45cb"
        "e04e88d218f115e4638de9308f65ca83d5db4e4d193b053da82ead99296ce9bf",
        "scrypt",
        "N=32768 r=8 p=1",
    ),
    Sample(
        "Werkzeug 3.1 scrypt:1024:8:2",
        "scrypt:1024:8:2$QlcAQsUsZ8r4f6bP$6be905ffa19384d2c9279a43a50036670b80bc175dc4dc05192382ee8b115e9c"
        "80555158627dd8a80e4f2ab7a04c362e78b016e5f4d00f282f79ed34caa3f52a",
        "scrypt",
        "N=1024 r=8 p=2",
    ),
]

SALTED = [
    Sample("slappasswd", "{SSHA}UBZRTovYrWc4Y4xH1XxRAgTbmOlu8sBs", "ssha"),
    Sample("slappasswd", "{SMD5}wT5SwBVBGT1cKg0eZHrU7cbecws=", "smd5"),
    Sample("slappasswd, lowercase prefix", "{ssha}UBZRTovYrWc4Y4xH1XxRAgTbmOlu8sBs", "ssha"),
    Sample(
        "slappasswd, module pw-sha2",
        "{SSHA256}JIQvrN8g8gwMhovvnC0R4YUPYa/jMvU3fGDhgSmiJk32B6HTpqPw+Q==",
        "ssha256",
    ),
    Sample(
        "slappasswd, module pw-sha2",
        "{SSHA384}wF4qR93tkyH8xh3gL+mLb0pCzm+5AaCteIkA8qg377qyMmsEW+ixJbJisI4YWAhusGvNT7MZ2kk=",
        "ssha384",
    ),
    Sample(
        "slappasswd, module pw-sha2",
        "{SSHA512}aE2zFTz/IS+ngDlv0W9TKz1oAFQ/DkBXxiF/GQLEswomklAXpNrGWA6Ehv/0i+ENP9pJPmozjZ/zrtTZkmjaMLIp98t7ROH7",
        "ssha512",
    ),
]

CRYPT = [
    Sample(
        "openssl passwd -6",
        "$6$0DcYrU52A6zPNNyK$9jPKOwbLmDXg1gSt.UxmKLoYrveAfF2tCB0pPUfZVmlfgAU0C5zacsfs9j818QCZiL4gS4f.3BQiX2g8Kh7M//",
        "sha512-crypt",
        "rounds=5000",
    ),
    Sample(
        "htpasswd -5 -r 1000",
        "$6$rounds=1000$gIXVtH8dGCn5S4FU"
        "$9590dc5mgIQ8d6jYVAiYsbUmhmSD2.M3d47LJU2OTVzMjh4ZJC6nsTGea/zf1iGLZOyyGOF/pGZmuUzSApwYP.",
        "sha512-crypt",
        "rounds=1000",
    ),
    Sample(
        "openssl passwd -5",
        "$5$w4Y/BJnsroHsIxUO$6W0plxpsqDEIttPQLGqyHFEAN8SBlTEl0wXyaY3kqQ1",
        "sha256-crypt",
        "rounds=5000",
    ),
    Sample(
        "slappasswd, {CRYPT}, lowercase prefix",
        "{crypt}$5$rounds=2000$A/fs$h9O3.ha2bW3Rt7nohO0KPXxhOxtULyGOM9e707X2WyB",
        "sha256-crypt",
        "rounds=2000",
    ),
    Sample("openssl passwd -1", "$1$E2JRiFvX$sPspyNu6hlTguC3Qp.S6y.", "md5-crypt"),
    Sample("slappasswd, {CRYPT}", "{CRYPT}$1$PufINGNV$oAey7b.dYEtFxUR1HM8ns0", "md5-crypt"),
    Sample("openssl passwd -apr1", "$apr1$xiQO/Kqz$Oel5kkkbTNYtdoy2rkZDv.", "apr1"),
    Sample("htpasswd -m", "$apr1$ZuUd59yI$wjTDe3NIfZ/E.2Gl99fCf0", "apr1"),
]

PHPASS = [  # made by a Perl implementation of the specification, which also reproduces phpass' own example
    Sample("phpass of WordPress", "$P$BkVyQ7ujqYRbgZbewms.d22LI.iN.Z1", "phpass", "rounds=8192"),
    Sample("phpass of phpBB", "$H$5kVyQ7ujq9It54DiVy9Q0QMoeAQ.mL0", "phpass", "rounds=128"),
]

SAMPLES = [*ARGON2, *BCRYPT, *PBKDF2, *SCRYPT, *SALTED, *CRYPT, *PHPASS, *PRODUCT_SAMPLES]
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.scheme}, {sample.maker}")

PUBLISHED = [  # from phpass' test program and PHP's manual
    ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    ("rasmuslerdorf", "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"),
]

# bcrypt 5's hashpw of the first 72 bytes: the hash that older libraries made of the whole password.
LONG_PASSWORD = "0123456789" * 10
LONG_BCRYPT = "$2b$04$NzEMgm/Xs01kEzJwJIQ.COOd2TVul1NwuLhbk3Vn.MXyKbSRGtWy6"
SPLIT_PASSWORD = "a" + "ü" * 40
SPLIT_BCRYPT = "$2b$04$pFeWJVBYsm8pcElrRl3Roe4VKpAiGjcUze4nz9zyzgkFoODxeIxe."
