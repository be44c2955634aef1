# The build stage builds the wheel with the locked build backend. The final stage installs the
# runtime dependencies from the other lock file, by hash.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements-dev.lock pyproject.toml README.md ./
COPY server.py application.py command_line.py settings.py ./
RUN pip install --no-cache-dir --require-hashes -r requirements-dev.lock
COPY transport transport
COPY execution execution
COPY schema schema
COPY resolvers resolvers
COPY store store
RUN python -m hatchling build -t wheel

FROM python:3.13-slim
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY --from=build /build/dist/*.whl .
RUN pip install --no-cache-dir --no-deps *.whl && rm *.whl requirements.lock
RUN useradd --uid 10001 --create-home casetypes
USER casetypes
WORKDIR /home/casetypes
EXPOSE 8000
CMD ["casetypes", "serve"]
