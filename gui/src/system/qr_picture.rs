//! An invitation out of a picture of its QR code.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// Bytes of a picture's file.
const FILE_LEN_MAX: u64 = 20 * 1024 * 1024;

/// Of a picture; a byte each while it is read, and four while it is decoded.
const PIXELS_MAX: u64 = 40_000_000;

/// Why there is no invitation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QrTrouble {
    /// Of the system.
    #[error("the picture cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Bytes or pixels.
    #[error("the picture is too large; cut out the QR code")]
    TooLarge,
    /// Neither PNG nor JPEG, or a broken one.
    #[error("this is no PNG or JPEG picture ({0})")]
    NoPicture(String),
    /// Nothing in it looks like one.
    #[error("there is no QR code in this picture; a sharper or larger one may help")]
    NoCode,
}

/// Shades of grey, row by row.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// The text of the first QR code in the picture.
///
/// # Errors
/// When there is none, or no picture.
pub(crate) fn read(path: &Path) -> Result<String, QrTrouble> {
    let file = File::open(path)?;
    if file.metadata()?.len() > FILE_LEN_MAX {
        return Err(QrTrouble::TooLarge);
    }
    let mut bytes = Vec::new();
    BufReader::new(file).take(FILE_LEN_MAX).read_to_end(&mut bytes)?;
    let grey = if bytes.starts_with(b"\x89PNG") { png(&bytes)? } else { jpeg(&bytes)? };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(grey.width, grey.height, |x, y| {
        grey.pixels.get(y * grey.width + x).copied().unwrap_or(u8::MAX)
    });
    let codes = picture.detect_grids();
    codes.iter().find_map(|code| code.decode().ok()).map(|(_, text)| text).ok_or(QrTrouble::NoCode)
}

fn png(bytes: &[u8]) -> Result<Grey, QrTrouble> {
    let broken = |error: png::DecodingError| QrTrouble::NoPicture(error.to_string());
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let info = reader.info();
    fits(u64::from(info.width), u64::from(info.height))?;
    let len = reader.output_buffer_size().ok_or(QrTrouble::TooLarge)?;
    let mut pixels = vec![0; len];
    let info = reader.next_frame(&mut pixels).map_err(broken)?;
    pixels.truncate(info.buffer_size());
    let channels = info.color_type.samples();
    let pixels = pixels.chunks_exact(channels).map(shade).collect();
    Ok(Grey { width: info.width as usize, height: info.height as usize, pixels })
}

fn jpeg(bytes: &[u8]) -> Result<Grey, QrTrouble> {
    let broken = |error: jpeg_decoder::Error| QrTrouble::NoPicture(error.to_string());
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info().map_err(broken)?;
    let info = decoder.info().ok_or_else(|| QrTrouble::NoPicture("no header".to_owned()))?;
    fits(u64::from(info.width), u64::from(info.height))?;
    let pixels = decoder.decode().map_err(broken)?;
    let channels = info.pixel_format.pixel_bytes();
    let pixels = pixels.chunks_exact(channels).map(shade).collect();
    Ok(Grey { width: usize::from(info.width), height: usize::from(info.height), pixels })
}

fn fits(width: u64, height: u64) -> Result<(), QrTrouble> {
    if width.saturating_mul(height) > PIXELS_MAX { Err(QrTrouble::TooLarge) } else { Ok(()) }
}

/// How light a pixel is, on white where it is transparent.
fn shade(pixel: &[u8]) -> u8 {
    let luma = |red: u8, green: u8, blue: u8| {
        let sum = u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114;
        u8::try_from(sum / 1000).unwrap_or(u8::MAX)
    };
    let over_white = |shade: u8, alpha: u8| {
        let sum = u32::from(shade) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
        u8::try_from(sum / 255).unwrap_or(u8::MAX)
    };
    match *pixel {
        [grey] => grey,
        [grey, alpha] => over_white(grey, alpha),
        [red, green, blue] => luma(red, green, blue),
        [red, green, blue, alpha] => over_white(luma(red, green, blue), alpha),
        _ => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use session::qr::Qr;

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let qr = Qr::new(text).unwrap();
        let dot = 6;
        let side = qr.side() * dot;
        let pixels: Vec<u8> = (0..side * side)
            .flat_map(|index| {
                let dark = qr.is_dark(index % side / dot, index / side / dot);
                // Transparent instead of white.
                [0, 0, 0, if dark { 255 } else { 0 }]
            })
            .collect();
        let path = folder.join(name);
        let side = u32::try_from(side).unwrap();
        let mut encoder = png::Encoder::new(File::create(&path).unwrap(), side, side);
        encoder.set_color(png::ColorType::Rgba);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        path
    }

    #[test]
    fn a_picture_leads_into_the_room() {
        let folder = tempfile::tempdir().unwrap();
        let link = "https://share.example/j/ABC1-2345";
        assert_eq!(read(&write(folder.path(), "qr.png", link)).unwrap(), link);
    }

    #[test]
    fn what_is_no_invitation_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (bytes, why) in [
            (&b""[..], "no PNG or JPEG"),
            (b"\x89PNG\r\n\x1a\nrubbish", "no PNG or JPEG"),
            (b"\xff\xd8\xff\xe0rubbish", "no PNG or JPEG"),
            (b"GIF89a", "no PNG or JPEG"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(read(&folder.path().join("nowhere")).unwrap_err().to_string().contains("cannot be read"));
        let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 64, 64);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&[200; 64 * 64]).unwrap();
        assert!(matches!(read(&path), Err(QrTrouble::NoCode)));
        // A header that promises more than any machine has.
        let mut header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\0\0\0\0".to_vec();
        header.extend([0; 12]);
        std::fs::write(&path, header).unwrap();
        assert!(read(&path).is_err());
    }
}
