use roger_ibc::UserKeySet;

fn print(key: &UserKeySet) {
    println!("{:?}", key);
}

fn main() {}
