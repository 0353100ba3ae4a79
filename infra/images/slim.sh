#!/bin/sh
# slim FOLDER: take out of a virtual environment what no program of ours loads. A third of the API's.
set -eu
cd "$1"/lib/python3.*/site-packages
rm -rf pip pip-*.dist-info setuptools setuptools-*.dist-info pkg_resources _distutils_hack distutils-precedence.pth
find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find . -type f \( -name '*.pxd' -o -name '*.pxi' -o -name '*.pyx' -o -name '*.c' -o -name '*.h' -o -name '*.hpp' \) -delete
# Feast asks for a type checker, ships its web page and lists of what its own checks install.
rm -rf mypy mypyc ./*__mypyc*.so librt ast_serialize feast/ui requirements
rm -rf onnxruntime/transformers onnxruntime/tools onnxruntime/quantization
rm -rf pyarrow/include pyarrow/libarrow_flight.so* pyarrow/libarrow_python_flight.so* pyarrow/_flight.*
# Of the hundreds of services that botocore describes, a registry and an archive in a bucket need three.
if [ -d botocore/data ]; then
    find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name sso ! -name sso-oidc -exec rm -rf {} +
fi
# Debug symbols. Libraries that were moved into a wheel beside its own (`*.libs`) do not survive this.
for package in llvmlite pyarrow uvloop; do
    if [ -d $package ]; then find $package -name '*.so*' -type f -exec strip --strip-unneeded {} +; fi
done
