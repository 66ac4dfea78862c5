//! netcat: standard input to a connection, and the connection to standard output.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Copies both ways until the connection ends: the end of `input` closes our sending side. With
/// `wait`, so long a silence ends it, too.
///
/// # Errors
/// The connection's, or the output's.
pub async fn copy(
    stream: impl AsyncRead + AsyncWrite,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    wait: Option<Duration>,
) -> io::Result<()> {
    let (mut read, mut write) = tokio::io::split(stream);
    let silence = wait.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 64 << 10]);
    let mut sending = true;
    loop {
        tokio::select! {
            n = input.read(&mut up), if sending => match n? {
                0 => {
                    sending = false;
                    write.shutdown().await?;
                }
                n => write.write_all(&up[..n]).await?,
            },
            n = read.read(&mut down) => match n? {
                0 => return Ok(()),
                n => {
                    output.write_all(&down[..n]).await?;
                    output.flush().await?;
                }
            },
            () = tokio::time::sleep(silence) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_input_is_a_half_close() {
        let (near, mut far) = tokio::io::duplex(1000);
        let peer = tokio::spawn(async move {
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            far.write_all(text.to_uppercase().as_bytes()).await.unwrap();
        });
        let mut output = Vec::new();
        copy(near, &b"hello"[..], &mut output, None).await.unwrap();
        assert_eq!(output, b"HELLO");
        peer.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it_when_asked() {
        let (near, _far) = tokio::io::duplex(1000);
        let (_keep, input) = tokio::io::duplex(10);
        copy(near, input, &mut Vec::new(), Some(Duration::from_secs(3))).await.unwrap();
    }
}
