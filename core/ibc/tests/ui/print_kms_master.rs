use roger_ibc::KmsMaster;

fn print(key: &KmsMaster) {
    println!("{:?}", key);
}

fn main() {}
