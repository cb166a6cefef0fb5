use roger_base::Secret;

fn print(key: &Secret<32>) {
    println!("{:?}", key);
}

fn main() {}
