# The signalling server in a small image. Two stages: one builds, one runs.
#
#   docker build -t sharestream-signal .
#   docker run -d --init -p 3001:3001/tcp -p 3001:3001/udp -v sharestream:/state sharestream-signal

FROM docker.io/library/rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p sharestream-signal --bin sharestream-signal

FROM docker.io/library/debian:bookworm-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin sharestream \
    && install -d -o sharestream -g sharestream /state
COPY --from=build /src/target/release/sharestream-signal /usr/local/bin/sharestream-signal
USER 10001
ENV PORT=3001 STATE_DIR=/state
VOLUME /state
EXPOSE 3001/tcp 3001/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["sharestream-signal", "-check"]
ENTRYPOINT ["sharestream-signal"]
