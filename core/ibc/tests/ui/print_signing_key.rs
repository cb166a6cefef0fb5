use roger_ibc::eccsi::SigningKey;

fn print(key: &SigningKey) {
    println!("{:?}", key);
}

fn main() {}
