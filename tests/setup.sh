# Sourced by ./run and ./test: says where things are built, and installs what is missing. Needs a Debian or Ubuntu, and
# root or sudo, only when something is missing.

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/sharestream-target}"
venv="${XDG_CACHE_HOME:-$HOME/.cache}/sharestream/venv"

# step NAME COMMAND…: runs it, says how long it took, and passes its exit code on.
step() {
    local name=$1 start=$SECONDS code=0
    shift
    echo "── $name"
    "$@" || code=$?
    local took=$((SECONDS - start))
    if [ "$code" = 0 ]; then echo "── $name: ${took} s"; else echo "── $name: FAILED after ${took} s"; fi
    return "$code"
}

has() { command -v "$1" >/dev/null 2>&1; }

# Names the packages for what is not there. Arguments are pairs of a command that must succeed and the packages it needs.
missing_packages() {
    while [ $# -gt 0 ]; do
        # `grep -q` ends at its first match, which under pipefail fails whoever writes to it.
        (set +o pipefail && eval "$1") >/dev/null 2>&1 || echo "$2"
        shift 2
    done
}

install_packages() {
    local packages
    packages=$(missing_packages "$@" | tr '\n' ' ')
    if [ -z "${packages// /}" ]; then return 0; fi
    echo "missing: $packages"
    if ! has apt-get; then
        echo "This is no Debian or Ubuntu: install them yourself, then try again." >&2
        return 1
    fi
    local sudo=()
    if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
    # shellcheck disable=SC2086 # one word a package
    "${sudo[@]}" apt-get -q update &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $packages
}

install_build_tools() {
    install_packages "has cc" build-essential "has curl" "curl ca-certificates" "has pkg-config" pkg-config
}

# What the window is built with, and what it plays and draws with.
install_window() {
    install_packages \
        "pkg-config --exists fontconfig" libfontconfig-dev \
        "pkg-config --exists gstreamer-app-1.0 gstreamer-video-1.0" "libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev" \
        "gst-inspect-1.0 --exists playbin" "gstreamer1.0-tools gstreamer1.0-plugins-base" \
        "gst-inspect-1.0 --exists matroskademux" gstreamer1.0-plugins-good \
        "gst-inspect-1.0 --exists openh264dec" gstreamer1.0-plugins-bad \
        "gst-inspect-1.0 --exists avdec_h264" gstreamer1.0-libav \
        "gst-inspect-1.0 --exists pulsesink" gstreamer1.0-pulseaudio \
        "gst-inspect-1.0 --exists alsasink" gstreamer1.0-alsa \
        "fc-list | grep -q ." fonts-dejavu-core \
        "ldconfig -p | grep -q libxkbcommon-x11" "libxkbcommon0 libxkbcommon-x11-0 libx11-xcb1 libxcursor1 libxi6"
}

install_players() {
    install_packages "has ffmpeg && has ffprobe" ffmpeg "has mpv" mpv
}

install_screens_and_ears() {
    install_packages "has Xvfb" xvfb "has dbus-daemon && has dbus-send" dbus "has pulseaudio" pulseaudio "has parec" pulseaudio-utils "has ip" iproute2
}

install_test_tools() {
    install_packages \
        "python3 -c 'import venv, ensurepip'" "python3 python3-venv" \
        "has ip" iproute2 \
        "has aria2c" aria2 \
        "has transmission-cli && has transmission-create" transmission-cli \
        "has transmission-daemon" transmission-daemon \
        "has mktorrent" mktorrent \
        "has nginx || [ -x /usr/sbin/nginx ]" nginx-light \
        "has turnserver && has turnutils_uclient" coturn \
        "has redis-server && has redis-cli" redis-server \
        "has gst-launch-1.0 && has gst-inspect-1.0" gstreamer1.0-tools \
        "gst-inspect-1.0 playbin" gstreamer1.0-plugins-base \
        "gst-inspect-1.0 souphttpsrc && gst-inspect-1.0 qtdemux" gstreamer1.0-plugins-good \
        "gst-inspect-1.0 avdec_h264" gstreamer1.0-libav \
        "has jq" jq \
        "has node" nodejs \
        "has npm" npm
}

install_rust() {
    if ! has cargo && [ -f "$HOME/.cargo/env" ]; then
        # shellcheck disable=SC1091
        . "$HOME/.cargo/env"
    fi
    if ! has cargo; then
        echo "installing Rust with rustup"
        if ! curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --component rustfmt,clippy; then
            echo "Rust could not be fetched. Install Rust $(rust_wanted) or later some other way, then try again." >&2
            return 1
        fi
        # shellcheck disable=SC1091
        . "$HOME/.cargo/env"
    fi
    local found
    found=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n' "$(rust_wanted)" "$found" | sort -V | head -n1)" != "$(rust_wanted)" ]; then
        echo "Rust $found is too old: $(rust_wanted) or later is needed (rustup update)." >&2
        return 1
    fi
}

install_rust_components() {
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        rustup component add rustfmt clippy
    fi
}

rust_wanted() { sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml; }

install_python_packages() {
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import libtorrent, socketio' >/dev/null 2>&1; then return 0; fi
    echo "libtorrent and python-socketio from PyPI into $venv"
    python3 -m venv --clear "$venv" &&
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'libtorrent>=2.0,<3' 'python-socketio[client]>=5.11,<6' &&
        "$venv/bin/python" -c 'import libtorrent, socketio'
}

# Without scripts: one of its parts, for browsers' peers, would fetch a program, and the server needs none.
install_node_packages() {
    local folder="${XDG_CACHE_HOME:-$HOME/.cache}/sharestream/node"
    if [ -d "$folder/node_modules/bittorrent-tracker" ] && [ -d "$folder/node_modules/socket.io-client" ] && [ -d "$folder/node_modules/jsdom" ]; then return 0; fi
    echo "bittorrent-tracker, socket.io-client and jsdom from npm into $folder"
    mkdir -p "$folder" &&
        npm install --prefix "$folder" --ignore-scripts --silent --no-fund --no-audit \
            'bittorrent-tracker@^11' 'socket.io-client@^4.8' 'jsdom@^25'
}
