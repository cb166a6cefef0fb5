use roger_ibc::eccsi::KmsSecretAuthKey;

fn print(key: &KmsSecretAuthKey) {
    println!("{:?}", key);
}

fn main() {}
