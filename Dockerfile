# The shop in one image: every module, or those that --build-arg MODULES names, and no other's code.
#   docker build -t shop .        docker build -t shop-products --build-arg MODULES=products .
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/shop \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --quiet --require-hashes --only-binary=:all: -r requirements-build.txt \
 && /opt/build/bin/pip --python /opt/shop/bin/python install --quiet --require-hashes --only-binary=:all: -r requirements.txt
COPY pyproject.toml README.md ./
COPY migrations migrations
COPY src src
ARG MODULES=products,cart,sales,users
COPY deploy/containers/keep_modules.py .
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/build/bin/pip --python /opt/shop/bin/python install --quiet --no-deps /wheel/*.whl \
 && /opt/shop/bin/python keep_modules.py "$MODULES"

FROM python:3.13-slim
# Nothing is installed in a running container: who breaks in finds no pip.
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/bin/pip* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin shop \
 && install --directory --owner=shop --group=shop --mode=700 /data /secrets
COPY --from=build /opt/shop /opt/shop
COPY deploy/containers/healthy.py deploy/containers/provision.py /opt/shop/
ARG MODULES=products,cart,sales,users
ENV PATH=/opt/shop/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 \
    SHOP_MODULES=$MODULES SHOP_HOST=0.0.0.0
USER 10001:10001
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-IS", "/opt/shop/healthy.py"]
ENTRYPOINT ["shop"]
CMD ["serve"]
