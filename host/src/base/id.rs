//! Random identity: names for boots, calls and files that must not collide. Never used as a secret.

/// 128 random bits as 32 hexadecimal digits.
///
/// # Panics
/// Where the system has no randomness, since nothing can go on without it.
pub fn random_hex() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
