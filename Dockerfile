# syntax=docker/dockerfile:1
# The program alone, without the tools of platforms; docs/ci.md shows how a project and helm are put on top.
#   docker build -t orchestrate:0.1.0 .

# The Rust of `rust-version` in Cargo.toml, on the Debian that the program then runs on.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --release --bin orchestrate \
    && install -m 0755 target/release/orchestrate /usr/local/bin/orchestrate

FROM debian:bookworm-slim
# The certificates are for databases and URLs with TLS. tini waits for what commands leave behind.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 orchestrate \
    && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin orchestrate \
    && install -d -o 10001 -g 10001 /project
COPY --from=build /usr/local/bin/orchestrate /usr/local/bin/orchestrate
USER 10001:10001
WORKDIR /project
ENTRYPOINT ["/usr/bin/tini", "--", "orchestrate"]
CMD ["--help"]
