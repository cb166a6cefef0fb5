use roger_ibc::IssuedKeys;

fn print(key: &IssuedKeys) {
    println!("{:?}", key);
}

fn main() {}
