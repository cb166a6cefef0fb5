use roger_base::SecretBytes;

fn print(key: &SecretBytes) {
    println!("{:?}", key);
}

fn main() {}
