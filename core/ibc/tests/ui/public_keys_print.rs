use roger_ibc::eccsi::{KmsPublicAuthKey, Signature};
use roger_ibc::sakke::{EncapsulatedData, KmsPublicEncKey};

fn print(a: &KmsPublicAuthKey, b: &Signature, c: &EncapsulatedData, d: &KmsPublicEncKey) {
    println!("{a:?} {b:?} {c:?} {d:?}");
}

fn main() {}
