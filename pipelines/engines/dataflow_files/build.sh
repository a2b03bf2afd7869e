#!/bin/sh
# Build and push what Dataflow runs. Run it in the folder that holds it:
#
#   sh build.sh SOURCE REPOSITORY TAG [LAUNCHER TEMPLATE]
#
# SOURCE      gristmill's checkout, or its wheel: the one that the launcher has installed
# REPOSITORY  where images are pushed
# TAG         of the images; a new one for every wheel
# LAUNCHER    Flex Template launcher base image for Python 3.11, see Containerfile.template
# TEMPLATE    gs://… of the template's specification
set -eu
if [ "$#" -ne 3 ] && [ "$#" -ne 5 ]; then
    echo "usage: sh build.sh SOURCE REPOSITORY TAG [LAUNCHER TEMPLATE]" >&2
    exit 2
fi
source=$1
workers=$2/gristmill-workers:$3
template=$2/gristmill-template:$3
: "${ENGINE:=docker}" # or podman

rm -f gristmill-*.whl
python -m pip wheel --no-deps --wheel-dir . "$source"
"$ENGINE" build --file Containerfile --tag "$workers" .
"$ENGINE" push "$workers"
echo "workers: --image $workers"

if [ "$#" -eq 5 ]; then
    "$ENGINE" build --file Containerfile.template --tag "$template" \
        --build-arg "IMAGE=$workers" --build-arg "LAUNCHER=$4" .
    "$ENGINE" push "$template"
    gcloud dataflow flex-template build "$5" --image "$template" --sdk-language PYTHON \
        --metadata-file template.json
fi
