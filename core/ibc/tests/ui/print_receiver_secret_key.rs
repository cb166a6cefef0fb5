use roger_ibc::sakke::ReceiverSecretKey;

fn print(key: &ReceiverSecretKey) {
    println!("{:?}", key);
}

fn main() {}
