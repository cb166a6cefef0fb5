use roger_ibc::sakke::KmsSecretEncKey;

fn print(key: &KmsSecretEncKey) {
    println!("{:?}", key);
}

fn main() {}
