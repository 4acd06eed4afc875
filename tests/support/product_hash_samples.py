"""Hashes of one password in the formats of particular products, each made by the program named."""

from tests.support.hash_sample import Sample

DOVECOT = [  # doveadm pw of Dovecot 2.3
    Sample(
        "Dovecot BLF-CRYPT",
        "{BLF-CRYPT}$2y$05$R2tQauS63zEgkZBA7fviTOpf45MxYp829ZgfL41JF/2u3CXuZkkwC",
        "bcrypt",
        "cost=5",
    ),
    Sample(
        "Dovecot SHA512-CRYPT",
        "{SHA512-CRYPT}$6$rounds=1000$Qh5sqHQTo1tuqDo6"
        "$2r0Hw20fH5z70QkxLBeKQhrYuuV62C.Mqi/6/MTk4.p9UCiBOCelE9E4WbOdJHBWfAOzgi6JmgGk2hz8y5aCj1",
        "sha512-crypt",
        "rounds=1000",
    ),
    Sample(
        "Dovecot SHA256-CRYPT",
        "{SHA256-CRYPT}$5$rounds=1000$rF3GTIfaXVgOxhJF$LQ8bf3c0NzTVQsbeXLYYTwFK/X/KdzIoaBm5e0gnZR5",
        "sha256-crypt",
        "rounds=1000",
    ),
    Sample("Dovecot MD5-CRYPT", "{MD5-CRYPT}$1$TsnSiX44$LNx66xznbgboNWTuH7Ob9.", "md5-crypt"),
    Sample(
        "Dovecot ARGON2I",
        "{ARGON2I}$argon2i$v=19$m=32768,t=3,p=1$fneoAFTSBx9Nm0+W8zZZ1A$d9SwKr8az6wNC40yaxJMPELRYu5/Fb+IU9qbjCvpX4o",
        "argon2i",
        "m=32768 t=3 p=1",
        weak=False,
    ),
    Sample(
        "Dovecot PBKDF2",
        "{PBKDF2}$1$vqNntcyzGVOlNm.R$2000$94c0d6271fa3b09894041fe92d4dcd34867b78fd",
        "pbkdf2-sha1",
        "rounds=2000",
    ),
]

DIRECTORIES = [  # pwdhash of 389 Directory Server 2.3, slappasswd of OpenLDAP 2.5 with the module pw-pbkdf2
    Sample(
        "389 Directory Server PBKDF2_SHA256",
        "{PBKDF2_SHA256}AAAgAJRkP2+4vTfiUJqqCR97luA9pUHmSoEpTi3xDMpgTyRYiOEknvTFwXmddWC8RdwISVSg3u9LG7Ttib3qNS5PcLjjLbu2"
        "DsUYSME4KbmHCLaepD/0Mo/GDrS3XK6BF17i0cgnFFR9S3pazLyCUBHQlECA/fTh9bB6sLuSDiTN+KZEyMjSOg+4OO/2TmpOoyfCtAV5pxU4Y0Mz"
        "HLDQ6ZCKjFnFe5gUTnWaQncuSXvOw3TYLbxLBlyHJwBYc+Gwgn0CbfWW05v33e+OYh2Qd5Wb5v9rshfBGVymLAML8a99f5iGhzmKs9hYdSHq7ycE"
        "e9bQyB4UPmeJVyr6YOjUiIRqBZo4YHMbrxxUCjDS+gJBij9vvCZY1ZZ8XoMv/PZiO/7nENXEd5HKwlE4PmEiYbbzP9vfvqd7cznZRvjLVE1vL5EV",
        "pbkdf2-sha256",
        "rounds=8192",
    ),
    Sample(
        "389 Directory Server PBKDF2-SHA256",
        "{PBKDF2-SHA256}10000$1K/yBkxVHtGy3Mr90iLdT8ph4tGbLvNi$d4jntabmt0F7FIdTW/Qeb3jXiPHEerZMbBJMFarjRKw=",
        "pbkdf2-sha256",
        "rounds=10000",
    ),
    Sample(
        "389 Directory Server PBKDF2-SHA512",
        "{PBKDF2-SHA512}10000$pxPJem/XMdYDvfrBpg2+Ql7p1vGbmIgr"
        "$i4w8TO+bAzmvD7aN5vAFV00M0lbwWsBDAaXL54SkHAe2omR1o4qFbETdi0mL8RIJeWQnk9IzukyIicZHESxIng==",
        "pbkdf2-sha512",
        "rounds=10000",
    ),
    Sample(
        "389 Directory Server PBKDF2-SHA1",
        "{PBKDF2-SHA1}10000$0MXSLoi2+5OK+3JnDmCdxTqc/znVvXts$SstOIy0brVWEwc3ZWx/x1jU6MSU=",
        "pbkdf2-sha1",
        "rounds=10000",
    ),
    Sample(
        "OpenLDAP PBKDF2",
        "{PBKDF2}10000$s2ESGyay6.4blTuVrUDDpw$LbrmRyNuEUWg1VwxFK6ug/l7cqc",
        "pbkdf2-sha1",
        "rounds=10000",
    ),
    Sample(
        "OpenLDAP PBKDF2-SHA256, lowercase prefix",
        "{pbkdf2-sha256}10000$4SR0FzmcrhWV/BWjIh/X3A$XB239CcjeeVnE0EPtlgdAW5grcV6amcMYNXSt2SF8TI",
        "pbkdf2-sha256",
        "rounds=10000",
    ),
    Sample(
        "OpenLDAP PBKDF2-SHA512",
        "{PBKDF2-SHA512}10000$xBbErDP07Qf6XFWni4uaiw"
        "$DetfRzrI35mpfyiJcsewxO1z5Rg7RKE/SpX.o6t2Wg6EJ2sZ9X5L0Qlmh.1O9nvFHMtMVXI9Ok07Fb5NWLrBOA",
        "pbkdf2-sha512",
        "rounds=10000",
    ),
]

WEB = [
    Sample(
        "WordPress 6.8 (PHP 8.2)",
        "$wp$2y$04$NxEzUIpg8HhEHw5SNtTfQelPuN9eoQofiDnNCbx0c7SyGBwcf4ciu",
        "bcrypt-wordpress",
        "cost=4",
    ),
    Sample(
        "Werkzeug 2.2 sha256",
        "sha256$L74DdHIZT9boGQOV$64f43cdc8ccb4e5504dd58539649946918909333bf72ccb9c747cfe6fdbc600b",
        "salted-sha256",
    ),
    Sample(
        "Werkzeug 2.2 sha512",
        "sha512$xVgazGHpZIqN3Kq6$d7bcc9911c9a1ed09c816ba642b58a0fb21adfd69d67bac31bb45a77f35642258"
        "baa7cfef0e9763022a0d87d4a597ff4afac75668d92931a0d1ab7671354a273",
        "salted-sha512",
    ),
    Sample("Werkzeug 2.2 sha1", "sha1$YmWFq1VMuMOU3gxu$7434b5f1e341c1f213c93a470294fe41c2a0efa6", "salted-sha1"),
    Sample("Werkzeug 2.2 md5", "md5$TFsQYuvPdKuVogxk$40b11ced7a31fc4ce05a86466fd225ef", "salted-md5"),
    Sample("Django 5.0 md5", "md5$RcSYlzwNowUdkcNkmJRYzB$708ec4b7c3ade90ab4d7f63cd7051b08", "salted-md5"),
    Sample("passlib django_salted_sha1", "sha1$FuwSJNq9bMAL$bd1c219472c4501bae2415af8b76d30bea085bf6", "salted-sha1"),
    Sample(
        "Atlassian (passlib 1.7)",
        "{PKCS5S2}Pcd4TwlBiFHK+Z8zBuBci14P346RsSvK80Nb7A8x1e4BIArjEAJbRH7SrD3gnBKd",
        "pbkdf2-sha1",
        "rounds=10000",
    ),
]

PASSLIB = [  # passlib 1.7; Authelia and Odoo write the same formats
    Sample(
        "passlib pbkdf2",
        "$pbkdf2$2000$1HpvLaXUmpPyvjfGuDfmPA$cBMDrsqd8fgQMnBEAWX7w2c.hd8",
        "pbkdf2-sha1",
        "rounds=2000",
    ),
    Sample(
        "passlib pbkdf2-sha256",
        "$pbkdf2-sha256$2000$LMWYcy4FICTknJNSSklJiQ$oCCArjzp5Giwa6WgJ02FWBjO9qXVnoAr8qPSZVMr9Ug",
        "pbkdf2-sha256",
        "rounds=2000",
    ),
    Sample(
        "passlib pbkdf2-sha512",
        "$pbkdf2-sha512$2000$zBkDoDTmXCslhDCmVCpFqA"
        "$JfGVFVg/GLq4PKdMWtH7A96eguuTWE9hwf1J38zccx2ecUCfOd8Sog5vgcIJFZbrYhIa4hhtTEPeD7xVSo/QfA",
        "pbkdf2-sha512",
        "rounds=2000",
    ),
    Sample(
        "passlib scrypt",
        "$scrypt$ln=10,r=8,p=1$MYbw/n9vTQkBgHBOydk75w$Z5A5aV7OPHSYaakwrCcfVaGmiR5oP6fCOwgS41Tx16M",
        "scrypt",
        "N=1024 r=8 p=1",
    ),
    Sample(
        "passlib bcrypt-sha256",
        "$bcrypt-sha256$v=2,t=2b,r=4$y4hqQvqkuIXk2lwZN23N8O$kkKo1LW1EeIUCV/CJoHIR0Sxry5JRAS",
        "bcrypt-sha256",
        "cost=4",
    ),
]

LIBSODIUM = [  # sodium_crypto_pwhash_str of PHP 8.2 with the published presets
    Sample(
        "libsodium, interactive",
        "$argon2id$v=19$m=65536,t=2,p=1$EhNcqIhjWxx8YY8CbhE0Bg$3PZwfoe/sDoIDWiLnlggL83KGFrkKwU4CrQhRZQNg7s",
        "argon2id",
        "m=65536 t=2 p=1",
        weak=False,
    ),
    Sample(
        "libsodium, moderate",
        "$argon2id$v=19$m=262144,t=3,p=1$Auv4NqwebAZFCK0xuqJDCQ$83r2b8s9zF8fuE0wbWxGM3mzI0xNWM8GXyaMMbYG8qE",
        "argon2id",
        "m=262144 t=3 p=1",
        weak=False,
    ),
]

PRODUCT_SAMPLES = [*DOVECOT, *DIRECTORIES, *WEB, *PASSLIB, *LIBSODIUM]
